import CLinux
import Foundation
import Glibc
import Linux
import OCI
import Plan
import Testing

@testable import Guest

@Suite("a root file system that means harm", .enabled(if: geteuid() == 0, "needs root"))
struct HostileRootTests {
    /// A folder of the test's own, gone afterwards.
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try Files.ensureDirectory(folder)
        defer { try? Files.deleteTree(folder) }
        try body(folder)
    }

    @Test("links are followed within the root, and what they lead to is made there")
    func links() throws {
        try inFolder { root in
            for folder in ["etc", "real/sub"] { try Files.ensureDirectory("\(root)/\(folder)") }
            for (target, name) in [
                ("/outside/resolv.conf", "etc/resolv.conf"), ("../../../../../etc/up", "etc/hosts"), ("/real", "link"),
                ("sub/../sub/./x", "real/chain"), ("etc/mark", "real/\u{301}mark"),
            ] { #expect(symlink(target, "\(root)/\(name)") == 0) }
            for (path, place) in [
                ("/etc/resolv.conf", "/outside/resolv.conf"), ("/etc/hosts", "/etc/up"), ("/link/new", "/real/new"),
                ("/link/chain", "/real/sub/x"), ("/../../a//b/", "/a/b"), ("/link/../c", "/c"),
                ("/real/\u{301}mark", "/real/etc/mark"),
            ] {
                #expect(try ImagePath.ensureFile(path, in: root) == root + place)
                #expect(Files.exists(root + place), "\(path)")
            }
            #expect(symlink("loop", "\(root)/loop") == 0)
            let error = #expect(throws: SystemError.self) { try ImagePath.ensureFile("/loop/x", in: root) }
            #expect(error.map { "\($0)" } == "open /loop/x: Too many levels of symbolic links (ELOOP)")
        }
    }

    @Test("a list of users that is a pipe, a device, a folder, a loop or a gigabyte is none")
    func passwd() throws {
        try inFolder { root in
            let path = "\(root)/passwd"
            for make in [
                { mkfifo(path, 0o666) }, { mknod(path, S_IFCHR | 0o666, 0x105) }, { mkdir(path, 0o755) },
                { symlink("passwd", path) }, { creat(path, 0o644) >= 0 ? truncate(path, 1 << 30) : -1 }, { 0 },
            ] {
                #expect(make() == 0)
                #expect(PasswdFile(reading: path).home(of: 0) == "/")
                try Files.deleteTree(path)
            }
        }
    }

    @Test("pipes, devices and links in place of the engine's files do not stop a start, and each file is seen")
    func start() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) {
            // A start that waits for a pipe's writer ends here.
            alarm(20)
            try Self.enterRoot()
            let mounts = [
                OCIMount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"]),
                OCIMount(destination: "/data", type: "tmpfs", source: "tmpfs", options: ["size=64k"]),
            ]
            var document = GuestDriveTests.document
            document.mounts = mounts
            document.dockerFiles = true
            document.engineInit = "/sbin/docker-init"
            document.maskedPaths = ["/secret", "/nowhere"]
            let root = ContainerRoot(document: document, files: try Self.files())
            try root.populate()
            try DeviceFolder.bindConsole("/dev/zero")
            var process = OCIProcess(args: ["x"])
            process.cwd = "/work/dir"
            try ContainerProcess(process).makeWorkingDirectory()
            try root.protect()
            print(try ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/sbin/docker-init"].map(Files.readText))
            var status = stat()
            for path in ["/elsewhere/data", "/elsewhere/resolv.conf", "/elsewhere/work/dir", "/dev/null"] {
                print(path, stat(path, &status), String(status.st_mode, radix: 8))
            }
            lstat("/.dockerenv", &status)
            print("dockerenv", String(status.st_mode, radix: 8), "secret", try Files.read("/secret"))
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self) == "")
        #expect(
            String(decoding: result.standardOutputContent, as: UTF8.self) == """
                ["hosts", "resolv.conf", "hostname", "init"]
                /elsewhere/data 0 41777
                /elsewhere/resolv.conf 0 100644
                /elsewhere/work/dir 0 40755
                /dev/null 0 20666
                dockerenv 10666 secret []

                """)
    }

    /// A root in a mount namespace of this thread's own, which goes with the process.
    private static func enterRoot() throws {
        umask(0)
        try check(linux_unshare(LINUX_CLONE_NEWNS), "unshare", on: "mount namespace")
        try FileSystem.setPropagation(LINUX_MS_PRIVATE | LINUX_MS_REC, of: "/")
        let root = "/tmp"
        try FileSystem.mount("tmpfs", at: root)
        for (name, text) in [
            ("hosts", "hosts"), ("resolv.conf", "resolv.conf"), ("hostname", "hostname"), ("init", "init"),
        ] {
            try Files.ensureDirectory("\(root)/given")
            try Files.overwrite("\(root)/given/\(name)", with: Array(text.utf8), mode: 0o644)
        }
        try checked("chdir", on: root) { Int(chdir(root)) }
        try checked("chroot", on: root) { Int(chroot(".")) }
        for folder in ["/real-etc", "/proc", "/sbin", "/dev"] { try Files.ensureDirectory(folder) }
        for (target, path) in [
            ("real-etc", "/etc"), ("/elsewhere/resolv.conf", "/etc/resolv.conf"), ("../../elsewhere/data", "/data"),
            ("elsewhere/work", "/work"), ("/dev/nothing", "/sbin/docker-init"), ("/secret-pipe", "/secret"),
        ] { try checked("symlink", on: path) { Int(symlink(target, path)) } }
        for path in ["/.dockerenv", "/real-etc/hosts", "/secret-pipe"] {
            try checked("mkfifo", on: path) { Int(mkfifo(path, 0o666)) }
        }
        try checked("mknod", on: "hostname") { Int(mknod("/real-etc/hostname", S_IFCHR | 0o666, 0x105)) }
    }

    private static func files() throws -> [(mount: Descriptor, target: String)] {
        try [
            ("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname"),
            ("init", "/sbin/docker-init"),
        ].map { name, target in
            let source = "/given/\(name)"
            let mount = try check(linux_clone_mount(source), "open_tree", on: source)
            return (Descriptor(owning: mount, name: name == "init" ? "/init" : source), target)
        }
    }
}
