import Linux
import OCI
import Plan
import Testing

@testable import Guest

@Suite struct MountOptionsTests {
    @Test("Docker's options for /dev become flags and data")
    func dev() {
        let options = MountOptions(["nosuid", "strictatime", "mode=755", "size=65536k"])
        #expect(options.flags == 2 | 1 << 24)
        #expect(options.data == "mode=755,size=65536k")
        #expect(options.propagation.isEmpty)
    }

    @Test("devpts keeps its own options")
    func devpts() {
        let options = MountOptions(["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"])
        #expect(options.flags == 2 | 8)
        #expect(options.data == "newinstance,ptmxmode=0666,mode=0620,gid=5")
    }

    @Test("the later of two opposite options counts")
    func opposites() {
        #expect(MountOptions(["ro", "rw"]).flags == 0)
        #expect(MountOptions(["rw", "ro", "nodev", "dev"]).flags == 1)
    }

    @Test("propagation is apart from the flags; defaults mean nothing")
    func propagation() {
        let options = MountOptions(["rprivate", "defaults", "relatime"])
        #expect(options.propagation == [1 << 18 | 1 << 14])
        #expect(options.flags == 1 << 21)
        #expect(options.data == "")
    }
}

@Suite struct PasswdFileTests {
    let file = PasswdFile(
        text: """
            root:x:0:0:root:/root:/bin/sh
            broken line
            alice:x:1000:1000:Alice:/home/alice:/bin/sh
            other:x:1000:1000::/second:/bin/sh
            nohome:x:7:7:::/bin/false
            """)

    @Test(
        "a user's home is found by the number; the first entry counts",
        arguments: [(0, "/root"), (1000, "/home/alice")])
    func found(uid: UInt32, home: String) { #expect(file.home(of: uid) == home) }

    @Test("lines may end as in DOS")
    func returns() {
        let file = PasswdFile(text: "root:x:0:0::/root:/bin/sh\r\nalice:x:1000:1000::/home/alice:/bin/sh\r\n")
        #expect(file.home(of: 0) == "/root" && file.home(of: 1000) == "/home/alice")
    }

    @Test("a user who is not there, or has no home, lives in /", arguments: [7, 99])
    func missing(uid: UInt32) { #expect(file.home(of: uid) == "/") }
}

@Suite struct GuestDriveTests {
    static let document = GuestDocument(
        hostname: "box", domainname: nil, hosts: nil, resolvConf: nil, relay: nil, nics: [],
        root: GuestRoot(layers: [], disk: "/dev/vda", readonly: false), mounts: [], maskedPaths: [], readonlyPaths: [],
        sysctl: [:], process: OCIProcess(args: ["true"]))

    @Test("padding of any kind is stripped", arguments: [[0x20], [0x00], [0x0a, 0x00, 0x20]] as [[UInt8]])
    func padding(bytes: [UInt8]) throws {
        let text = try JSONValue(encoding: Self.document).serialized()
        #expect(try GuestDrive.parse(text + Array(repeatElement(bytes, count: 100).joined())) == Self.document)
    }

    @Test("an empty drive is an error")
    func empty() {
        #expect(throws: Failure.self) { try GuestDrive.parse([UInt8](repeating: 0, count: 512)) }
    }
}

@Suite struct SystemControlTests {
    @Test(
        "names become paths; the first separator decides",
        arguments: [
            ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
            ("net/ipv4/conf/eth0.5/mtu", "/proc/sys/net/ipv4/conf/eth0.5/mtu"),
            ("net.ipv4.conf.eth0/5.mtu", "/proc/sys/net/ipv4/conf/eth0.5/mtu"),
        ])
    func names(name: String, path: String) throws { #expect(try SystemControl.path(of: name) == path) }

    @Test(
        "names that lead elsewhere are errors",
        arguments: ["", "net..x", "../../etc/passwd", "/etc/passwd", "net/../../x", "net/../\u{301}x", "net/..\0/x"])
    func invalid(name: String) { #expect(throws: Failure.self) { try SystemControl.path(of: name) } }
}

@Suite struct ProgramSearchTests {
    /// `files`: what access(2) says of each; 0 is success.
    private func find(_ name: String, path: String = "/a:/b", _ files: [String: CInt]) throws -> String {
        try ProgramSearch.find(name, path: path) { candidate in
            let code = files[candidate] ?? Errno.noEntry.code
            return code == 0 ? nil : Errno(code)
        }
    }

    @Test("the first folder with an executable file counts")
    func order() throws {
        #expect(try find("x", ["/a/x": Errno.accessDenied.code, "/b/x": 0]) == "/b/x")
        #expect(try find("x", ["/a/x": 0, "/b/x": 0]) == "/a/x")
    }

    @Test("a name that is in no folder is 127, in the words that engines know")
    func missing() {
        let wanted = StartFailure("exec: \"x\": executable file not found in $PATH", status: 127)
        #expect(throws: wanted) { try find("x", [:]) }
        #expect(throws: wanted) { try find("x", path: "", [:]) }
    }

    @Test("a path stands for itself: 127 where it is missing, 126 where it may not be executed")
    func paths() throws {
        #expect(try find("/a/x", ["/a/x": 0]) == "/a/x")
        #expect(throws: StartFailure("exec: \"/a/x\": no such file or directory", status: 127)) {
            try find("/a/x", [:])
        }
        #expect(throws: StartFailure("exec: \"/a/x\": Permission denied (EACCES)", status: 126)) {
            try find("/a/x", ["/a/x": Errno.accessDenied.code])
        }
    }
}
