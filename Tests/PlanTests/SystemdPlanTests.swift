import OCI
import Plan
import Testing

@Suite("RUNCVM_SYSTEMD: who is the init, and who the unit")
struct SystemdPlanTests {
    private func document(_ process: OCIProcess, mounts: [OCIMount] = []) -> GuestDocument {
        var document = GuestDocument(
            hostname: nil, domainname: nil, hosts: nil, resolvConf: nil, relay: nil, nics: [],
            root: GuestRoot(layers: [], disk: "/dev/vda", readonly: false), mounts: mounts,
            maskedPaths: ["/proc/kcore"], readonlyPaths: ["/proc/sys"], sysctl: [:], process: process)
        document.dockerFiles = true
        document.engineInit = "/sbin/docker-init"
        return document
    }

    private func handOver(_ process: OCIProcess, mounts: [OCIMount] = []) -> GuestDocument {
        SystemdPlan.handOver(document(process, mounts: mounts), to: "/lib/systemd/systemd", container: "c1")
    }

    @Test("a command is the unit as it is; the init is root, with every capability and the container's environment")
    func command() {
        let command = OCIProcess(
            args: ["sh"], env: ["A=1", "container=docker"], cwd: "/srv", user: OCIUser(uid: 7, gid: 8), terminal: true)
        let machine = handOver(command)
        #expect(machine.systemd?.command == command)
        #expect(machine.process.args == ["/lib/systemd/systemd"])
        #expect(machine.process.env == ["A=1"])
        #expect(machine.process.user == nil && machine.process.capabilities == nil)
        #expect(machine.process.terminal == false && machine.wantsTerminal)
        #expect(machine.systemd?.login == false)
    }

    @Test(
        "a command that is an init is the init itself, and logs to a terminal; it asks for a login only where one watches"
    )
    func initItself() {
        for name in ["/sbin/init", "init", "/usr/lib/systemd/systemd"] {
            let machine = handOver(OCIProcess(args: [name, "--unit=a"], env: ["TERM=xterm"]))
            #expect(machine.systemd?.command == nil)
            #expect(machine.process.args == [name, "--unit=a"])
            #expect(machine.process.env == ["TERM=dumb"])
            #expect(machine.wantsTerminal && machine.systemd?.login == false)
        }
        let watched = handOver(OCIProcess(args: ["/sbin/init"], env: ["TERM=xterm"], terminal: true))
        #expect(watched.process.env == ["TERM=xterm"])
        #expect(watched.systemd?.login == true)
    }

    @Test("the machine is its own: nothing is masked or read-only, and nothing says that it is a container")
    func machine() {
        let mounts = [
            OCIMount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "ro"]),
            OCIMount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"]),
            OCIMount(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"]),
            OCIMount(destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro"]),
        ]
        let machine = handOver(OCIProcess(args: ["sh"]), mounts: mounts)
        #expect(machine.mounts.map(\.type) == ["sysfs", "devtmpfs", "cgroup", "tmpfs", "tmpfs"])
        #expect(machine.mounts.map { $0.options?.contains("ro") } == [false, false, false, true, false])
        #expect(machine.mounts.last?.destination == "/run")
        #expect(machine.maskedPaths + machine.readonlyPaths == [])
        #expect(machine.dockerFiles == nil && machine.engineInit == nil)
    }

    @Test("each container has a machine-id of its own, and always the same")
    func machineID() throws {
        func id(_ container: String) throws -> String {
            let process = OCIProcess(args: ["sh"])
            return try #require(
                SystemdPlan.handOver(document(process), to: "/sbin/init", container: container).systemd?.machineID)
        }
        #expect(try id("a").wholeMatch(of: /[0-9a-f]{32}/) != nil)
        #expect(try id("a") == id("a"))
        #expect(try id("a") != id("b"))
    }
}
