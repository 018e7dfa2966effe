import Linux
import Mutation
import Netlink
import OCI
import Plan
import Testing

@testable import Guest

@Suite("wrong input: what the guest reads")
struct MutationTests {
    @Test("no drive, request or file of an image traps, hangs or eats memory")
    func parsers() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) { Mutation.run(Self.targets) }
        #expect(Mutation.faults(result.standardOutputContent, result.standardErrorContent) == "")
    }

    private static let drive = #"""
        {"version":1,"hostname":"box","hosts":"127.0.0.1 localhost\n","resolvConf":"nameserver 127.0.0.11\n",
        "relay":["127.0.0.11"],"nics":[{"name":"eth0","tap":"tap-eth0","guestMAC":"02:42:ac:11:00:02","mtu":1500,
        "attach":{"model":"bridge","bridge":"br-eth0","port":"eth0","portMAC":"06:42:ac:11:00:02"},
        "addresses":["172.17.0.2/16","fd00::2/64"],"routes":[{"to":"default","via":"172.17.0.1","metric":5},
        {"to":"10.0.0.0/8","scope":"link","onlink":true,"source":"172.17.0.2"},{"to":"default","family":6}],
        "neighbors":[{"ip":"172.17.0.9","mac":"02:42:ac:11:00:09"}],"alias":"172.17.255.254/16"}],
        "root":{"layers":["/dev/vdc"],"disk":"/dev/vda","readonly":false},
        "mounts":[{"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec"]}],
        "maskedPaths":["/proc/kcore"],"readonlyPaths":["/proc/sys"],"sysctl":{"net.ipv4.ip_forward":"1"},
        "process":{"args":["sh"],"cwd":"/","env":["PATH=/bin"]},"pidsLimit":100}
        """#
    private static let passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
    private static let unit = #"""
        {"process":{"args":["sh"],"cwd":"/","env":["A=1"]},"report":"/run/r","stdio":["/proc/1/fd/4","/dev/null"]}
        """#
    private static let request = (try? ExecRequest(process: OCIProcess(args: ["id"]), hasInput: true).encoded()) ?? []

    private static let targets = [
        Target("guest.json", .json, 4000, seeds: [[UInt8](drive.utf8)]) { bytes in
            let document = try GuestDrive.parse(bytes + [0, 0x20, 0x0a])
            for nic in document.nics {
                for isIPv6 in [false, true] { _ = ReplyRoutes.routes(of: nic, isIPv6: isIPv6, link: 2, table: 100) }
                _ = nic.addresses.map { LinkAddress($0, link: 2) }
            }
            for mount in document.mounts { _ = MountOptions(mount.options ?? []) }
            for name in document.sysctl.keys { _ = try SystemControl.path(of: name) }
        },
        Target("request", .json, 4000, seeds: [[UInt8](request.dropFirst(4))]) { bytes in
            let request: ExecRequest = try JSONValue(parsing: bytes, subject: "request").decoded(at: "request")
            _ = try request.encoded()
        },
        Target("unit's command", .json, 2000, seeds: [[UInt8](unit.utf8)]) { bytes in
            let command: UnitCommand = try JSONValue(parsing: bytes, subject: "command").decoded(at: "command")
            _ = try JSONValue(encoding: command).serialized()
        },
        Target(text: "end of a unit", 2000, seeds: ["exited 0", "killed KILL", "dumped SEGV", "killed 64"]) { text in
            let words = text.split(separator: " ").map(String.init)
            let status = UnitCommand.status(code: words.first ?? "", status: words.last ?? "")
            guard (0...383).contains(status) else { throw Fault("a status of \(status)") }
        },
        Target(text: "passwd", 4000, seeds: [passwd]) { text in
            let file = PasswdFile(text: text)
            guard !file.home(of: 0).isEmpty, file.home(of: .max) != "" else { throw Fault("an empty home") }
        },
        Target(text: "mount options", 4000, seeds: ["nosuid,strictatime,mode=755,size=65536k,rprivate"]) { text in
            _ = MountOptions(text.split(separator: ",", omittingEmptySubsequences: false).map(String.init))
        },
        Target(text: "sysctl", 4000, seeds: ["net.ipv4.ip_forward", "net/ipv4/conf/eth0.5/mtu"]) { text in
            let path = try SystemControl.path(of: text)
            let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
            guard parts.prefix(2) == ["proc", "sys"], !parts.contains("..") else { throw Fault("leads to \(path)") }
        },
        Target(text: "PATH", 2000, seeds: ["/usr/local/bin:/usr/bin:/bin"]) { text in
            _ = try ProgramSearch.find("sh", path: text) { $0 == "/bin/sh" ? nil : .noEntry }
        },
    ]
}
