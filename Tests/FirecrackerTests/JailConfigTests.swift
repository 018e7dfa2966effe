import Foundation
import OCI
import Testing

@testable import Firecracker

/// A config.json as Docker 26 writes it.
func dockerConfig() throws -> JSONValue {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../Fixtures/oci/docker-bridge.json")
    return try JSONValue(parsing: [UInt8](try Data(contentsOf: file)), subject: "docker-bridge.json")
}

@Suite("the VMM's jail")
struct JailConfigTests {
    let original: JSONValue
    let adapted: JSONValue

    init() throws {
        original = try dockerConfig()
        let files = [
            JailConfig.File("/run/runcvm/x/vm", at: "/vm", writable: true), JailConfig.File("/k", at: "/boot/vmlinux"),
        ]
        adapted = JailConfig(root: "/run/runcvm/x/jail", files: files, user: 1_000_000_042).adapt(original)
    }

    @Test("the process is fc-boot, without capabilities, as a user of its own")
    func process() throws {
        let process = try #require(OCIConfig(document: adapted).process)
        #expect(process.args == ["/bin/runcvm", "fc-boot", "/machine.json"])
        #expect(process.user?.uid == 1_000_000_042)
        #expect(process.noNewPrivileges == true)
        let sets = try #require(process.capabilities)
        for set in [sets.bounding, sets.effective, sets.permitted, sets.inheritable, sets.ambient] {
            #expect(set == [])
        }
        #expect(process.rlimits == nil)
        #expect(adapted["process"]?["apparmorProfile"] == "docker-default")
    }

    @Test("exec's process becomes a verb of ours with the same terminal, and nothing else of it stays")
    func exec() throws {
        let wanted: JSONValue = [
            "args": ["sh"], "env": ["SECRET=x"], "cwd": "/w", "terminal": true, "user": ["uid": 0, "gid": 0],
            "capabilities": ["bounding": ["CAP_SYS_ADMIN"]], "apparmorProfile": "docker-default",
        ]
        let process = JailConfig.process(wanted, user: 7, command: ["vm-exec", "/machine.json"])
        #expect(process["args"] == ["/bin/runcvm", "vm-exec", "/machine.json"])
        #expect(process["terminal"] == true && process["apparmorProfile"] == "docker-default" && process["cwd"] == "/")
        #expect(process["user"] == ["uid": 7, "gid": 7] && process["noNewPrivileges"] == true)
        #expect(process["capabilities"]?["bounding"] == [])
        #expect(!String(decoding: try process.serialized(), as: UTF8.self).contains("SECRET"))
    }

    @Test("a command for the jail is BusyBox's or our own, with the rest of its process")
    func beside() {
        let wanted: JSONValue = [
            "args": ["---", "ip"], "env": ["PATH=/usr/bin", "A=b"], "cwd": "/app", "user": ["uid": 5, "gid": 5],
        ]
        let process = JailConfig.process(wanted, inJail: ["ip", "addr"])
        #expect(process["args"] == ["/bin/busybox", "ip", "addr"])
        #expect(process["env"] == ["PATH=/bin", "A=b"] && process["cwd"] == "/" && process["user"]?["uid"] == 5)
        #expect(JailConfig.process(wanted, inJail: ["runcvm", "--version"])["args"] == ["runcvm", "--version"])
    }

    @Test("nothing of the image or the host is mounted but what was named")
    func mounts() throws {
        let destinations = try #require(OCIConfig(document: adapted).mounts).map(\.destination)
        #expect(destinations == ["/proc", "/dev", "/dev/pts", "/vm", "/boot/vmlinux"])
        #expect(adapted["root"] == ["path": "/run/runcvm/x/jail", "readonly": true])
        #expect(adapted["mounts"]?.array?.last?["options"]?.array?.contains("ro") == true)
    }

    @Test("every other field survives unchanged")
    func survives() {
        for key in ["ociVersion", "hostname", "hooks"] { #expect(adapted[key] == original[key], "\(key)") }
        for key in ["namespaces", "seccomp", "sysctl", "cgroupsPath", "maskedPaths", "readonlyPaths"] {
            #expect(adapted["linux"]?[key] == original["linux"]?[key], "\(key)")
        }
        #expect(adapted["linux"]?["resources"]?["cpu"] == original["linux"]?["resources"]?["cpu"])
    }

    @Test("the cgroup allows /dev/kvm and /dev/net/tun besides what it allowed")
    func devices() throws {
        let rules = try #require(adapted["linux"]?["resources"]?["devices"]?.array)
        #expect(rules.count == 4)
        #expect(rules.suffix(2).map { $0["minor"]?.integer } == [232, 200])
        #expect(adapted["linux"]?["devices"]?.array?.map { $0["path"]?.string } == ["/dev/kvm", "/dev/net/tun"])
    }
}

@Suite("what a container may ask for")
struct ContainerRequestTests {
    private func check(hostNetwork: Bool = false, _ change: (inout JSONValue) -> Void) throws {
        var document = try dockerConfig()
        change(&document)
        try ContainerRequest(OCIConfig(document: document)).check(hostNetwork: hostNetwork)
    }

    private func add(_ variable: JSONValue, to document: inout JSONValue) {
        let env = document["process"]?["env"]?.array ?? []
        document["process"]?["env"] = .array(env + [variable])
    }

    @Test("an ordinary container is fine")
    func ordinary() throws {
        try check { _ in }
    }

    @Test("what does not work yet is refused by name")
    func refused() {
        let volume: JSONValue = ["destination": "/data", "type": "bind", "source": "/srv", "options": ["rbind"]]
        #expect(
            throws: Failure(.unavailable, "a volume (bind mount on /data) is not supported with --runtime=runcvm yet")
        ) {
            try check { document in
                let mounts = document["mounts"]?.array ?? []
                document["mounts"] = .array(mounts + [volume])
            }
        }
        let failure = #expect(throws: Failure.self) { try check(hostNetwork: true) { _ in } }
        #expect(failure?.message.contains("RUNCVM_NETWORK_MODE=host") == true)
    }

    @Test("another hypervisor is refused by name")
    func hypervisor() {
        let failure = #expect(throws: Failure.self) { try check { add("RUNCVM_HYPERVISOR=qemu", to: &$0) } }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains("qemu") == true)
    }

    @Test("RUNCVM_SYSTEMD is on or off, and nothing else", arguments: [("true", true), ("0", false), ("", false)])
    func systemd(_ value: String, isOn: Bool) throws {
        var document = try dockerConfig()
        add(.string("RUNCVM_SYSTEMD=\(value)"), to: &document)
        let request = ContainerRequest(try OCIConfig(document: document))
        try request.check(hostNetwork: false)
        #expect(request.wantsSystemd == isOn)
        #expect(throws: Failure(.usage, "RUNCVM_SYSTEMD=maybe: neither true nor false")) {
            try check { add("RUNCVM_SYSTEMD=maybe", to: &$0) }
        }
    }

    @Test("an image without the init that it would need is refused with the remedy; any link is one")
    func initProgram() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "runcvm-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        func program(_ args: JSONValue...) throws -> String {
            var document = try dockerConfig()
            add("RUNCVM_SYSTEMD=true", to: &document)
            document["process"]?["args"] = .array(args)
            return try ContainerRequest(OCIConfig(document: document)).initProgram(in: root)
        }
        let failure = #expect(throws: Failure.self) { try program("sh") }
        #expect(failure?.kind == .unavailable)
        #expect(failure?.message.contains("/lib/systemd/systemd; install systemd in it") == true)
        try FileManager.default.createDirectory(atPath: "\(root)/sbin", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: "\(root)/sbin/init", withDestinationPath: "/lib/systemd/systemd")
        #expect(try program("/sbin/init") == "/sbin/init")
        // `docker run --init` puts another one before it.
        #expect(try program("/sbin/docker-init", "--", "/sbin/init") == "/sbin/init")
        #expect(throws: Failure.self) { try program("sh") }
    }

    @Test("no command is a fault of the bundle")
    func noCommand() {
        let failure = #expect(throws: Failure.self) { try check { $0["process"]?["args"] = [] } }
        #expect(failure?.kind == .badInput)
    }
}

@Suite("the VM's size")
struct MachineSizeTests {
    private func size(_ resources: String, env: [JSONValue] = [], cpus: Int = 8) throws -> MachineSize {
        var document = try dockerConfig()
        document["linux"]?["resources"] = try JSONValue(parsing: [UInt8](resources.utf8), subject: "resources")
        document["process"]?["env"] = .array(env)
        let config = try OCIConfig(document: document)
        return try MachineSize(resources: config.linux?.resources, request: ContainerRequest(config), hostCPUs: cpus)
    }

    @Test("no limits: 512 MiB and the host's CPUs, at most 32")
    func defaults() throws {
        #expect(try size("{}") == MachineSize(vcpus: 8, memory: 512))
        #expect(try size(#"{"memory":{"limit":-1}}"#, cpus: 64) == MachineSize(vcpus: 32, memory: 512))
        #expect(try size(#"{"memory":{"limit":9223372036854771712}}"#).memory == 512)
    }

    @Test("--cpus rounds up, --cpuset-cpus counts, -m leaves room for the VMM")
    func limits() throws {
        #expect(try size(#"{"cpu":{"quota":150000,"period":100000}}"#).vcpus == 2)
        #expect(try size(#"{"cpu":{"cpus":"0-2,5"}}"#).vcpus == 4)
        #expect(try size(#"{"memory":{"limit":536870912}}"#).memory == 512 - MachineSize.overhead)
    }

    @Test("numbers beyond any machine's are no list of CPUs, or no limit")
    func beyond() throws {
        #expect(try size(#"{"cpu":{"cpus":"0-9223372036854775807"}}"#).vcpus == 8)
        #expect(try size(#"{"cpu":{"cpus":"0-1000000,0-9223372036854775806"}}"#).vcpus == 8)
        #expect(try size(#"{"cpu":{"quota":9223372036854775807,"period":18446744073709551615}}"#).vcpus == 1)
        #expect(try size(#"{"cpu":{"quota":9223372036854775807,"period":1}}"#).vcpus == 8)
    }

    @Test("the variables win over the limits")
    func variables() throws {
        let env: [JSONValue] = ["RUNCVM_CPUS=3", "RUNCVM_MEM_SIZE=2G"]
        #expect(try size(#"{"memory":{"limit":536870912}}"#, env: env) == MachineSize(vcpus: 3, memory: 2048))
    }

    @Test("too little or no number is refused with the remedy")
    func refused() {
        #expect(throws: Failure.self) { try size(#"{"memory":{"limit":67108864}}"#) }
        #expect(throws: Failure.self) { try size("{}", env: ["RUNCVM_MEM_SIZE=lots"]) }
        #expect(throws: Failure.self) { try size("{}", env: ["RUNCVM_CPUS=0"]) }
    }
}
