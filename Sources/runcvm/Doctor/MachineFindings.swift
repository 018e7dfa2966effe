import CLinux
import Firecracker
import Glibc
import Linux
import OCI
import Plan

/// Whether a VM can run here: processor, KVM, Firecracker, the guest's files, and a boot.
struct MachineFindings {
    let installation: Installation
    let environment: [String: String]
    /// nil: no VM is booted.
    let bootLimit: Int?

    func all() -> [Finding] {
        let files = [processor(), kvm(), firecracker(), kernel(), initrd(), exec()]
        guard let bootLimit else { return files }
        if let first = files.first(where: { $0.state == .fault }) {
            return files + [.fault("boot", "not tried, for want of \(first.name)")]
        }
        return files + [boot(limit: bootLimit)]
    }

    private func processor() -> Finding {
        var name = utsname()
        uname(&name)
        let machine = withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return machine == "x86_64"
            ? .ok("processor", machine) : .fault("processor", machine, "runcvm runs on x86-64 only")
    }

    private func kvm() -> Finding {
        let version = 12  // KVM_API_VERSION, for ever (Documentation/virt/kvm/api.rst).
        let KVM_GET_API_VERSION: UInt = 0xae00
        do {
            let device = try Descriptor(opening: "/dev/kvm", O_RDWR)
            let found = linux_ioctl_int(device.raw, KVM_GET_API_VERSION, 0)
            return found == version
                ? .ok("KVM", "/dev/kvm opens") : .fault("KVM", "/dev/kvm: API \(found), not \(version)")
        } catch {
            let remedy =
                (error as? SystemError)?.errno == .accessDenied
                ? "run as root" : "enable virtualization in the firmware, then modprobe kvm_intel or kvm_amd"
            return .fault("KVM", "\(error)", remedy)
        }
    }

    private func firecracker() -> Finding {
        .of("Firecracker") {
            let program = try installation.firecracker()
            let outcome = try ChildProcess(program, ["--version"]).run(limit: 10)
            let first = String(decoding: outcome?.output ?? [], as: UTF8.self).split(separator: "\n").first ?? ""
            let numbers = first.split(separator: " v").last?.split(separator: ".").compactMap { Int($0) } ?? []
            guard first.hasPrefix("Firecracker v"), numbers.count >= 2 else {
                return .fault("Firecracker", "\(program) is not Firecracker", "put the release's program there")
            }
            guard numbers[0] > 1 || numbers[1] >= 12 else {
                return .fault("Firecracker", "\(first) at \(program)", "runcvm needs 1.12 or later")
            }
            return .ok("Firecracker", "\(first) at \(program)")
        }
    }

    private func kernel() -> Finding {
        .of("guest kernel") {
            let path = try installation.kernel()
            return .ok("guest kernel", "\(try KernelImage.release(of: path) ?? "of unknown release") at \(path)")
        }
    }

    /// What every guest's initramfs holds: the last are the sidecar's.
    private static let needed = [
        "init", "lib/modules/runcvm/order", "side/sbin/dropbear", "side/lib/preload.so", "side/etc/ld.so.preload",
        "side/etc/passwd", "side/etc/shells",
    ]

    private func initrd() -> Finding {
        .of("guest initrd") {
            let path = try installation.initrd()
            let initramfs = try Initramfs(parsing: try Files.read(path, limit: 512 << 20), subject: path)
            for name in Self.needed where initramfs.files[name] == nil {
                return .fault("guest initrd", "\(path): no \(name) in it", "scripts/build makes it")
            }
            let program = try Files.read(installation.program, limit: 512 << 20)
            guard initramfs.files["init"].map({ Self.areSame($0, program) }) == true else {
                return .fault(
                    "guest initrd", "\(path): its /init is another runcvm than this", "scripts/build makes both")
            }
            let modules = initramfs.files.keys.count { $0.hasSuffix(".ko") }
            return .ok("guest initrd", "this runcvm as /init, \(modules) modules, at \(path)")
        }
    }

    /// The host's side of an exec.
    private func exec() -> Finding {
        .of("docker exec") {
            let ssh = try installation.ssh(["-V"]).run()
            guard ssh.status == 0 else {
                return .fault("docker exec", "ssh: \(ssh.reason)", "install runcvm again")
            }
            return .ok("docker exec", "\(ssh.reason), \(try installation.busybox())")
        }
    }

    private static func areSame(_ one: ArraySlice<UInt8>, _ other: [UInt8]) -> Bool {
        one.withUnsafeBytes { one in
            other.withUnsafeBytes { other in
                guard one.count == other.count, let a = one.baseAddress, let b = other.baseAddress else { return false }
                return memcmp(a, b, one.count) == 0
            }
        }
    }

    /// A real VM, by the pipe that an administrator uses: the guest is this program on a disk of its own.
    private func boot(limit: Int) -> Finding {
        .of("boot") {
            let directory = try RunDirectory(id: "doctor-\(getpid())")
            try directory.create()
            defer { try? directory.delete() }  // What is left is in /run.
            let (tree, disk) = ("\(directory.path)/root", "\(directory.path)/disk.ext4")
            try Files.ensureDirectory(tree)
            try Files.overwrite("\(tree)/runcvm", with: Files.read(installation.program, limit: 512 << 20), mode: 0o755)
            try succeed("mke2fs", ["-q", "-F", "-t", "ext4", "-d", tree, disk, "64M"])
            let network = NetworkPlan(mode: .none, nics: [], dns: DNSPlan(resolvConf: nil, relay: []))
            let state = try VMState(container: ContainerReference(id: directory.id), network: network)
            let document = try succeed(
                installation.program,
                ["fc-config", "--memory", "128M", "--rootfs", disk, "--", "/runcvm", "--version"],
                input: state.serialized())
            let path = "\(directory.path)/document.json"
            try Files.overwrite(path, with: document)
            let start = time(nil)
            guard let outcome = try child(installation.program, ["fc-boot", path]).run(limit: limit) else {
                return .fault(
                    "boot", "no VM came up in \(limit) seconds",
                    "nested KVM may not run guests at all here; --boot-limit \(limit * 2) gives it more time")
            }
            let said = String(decoding: outcome.output, as: UTF8.self)
            guard outcome.status == 0, said.hasPrefix("runcvm ") else { return .fault("boot", outcome.reason) }
            return .ok("boot", "a VM came up, ran runcvm and went in \(time(nil) - start) s")
        }
    }

    @discardableResult
    private func succeed(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
        let path = Files.findProgram(program, path: ProcessEnvironment.path)
        guard let path else { throw Failure(.unavailable, "\(program) not found on PATH") }
        var child = child(path, arguments)
        child.input = input
        let outcome = try child.run()
        guard outcome.status == 0 else { throw Failure(.unavailable, "\(program): \(outcome.reason)") }
        return outcome.output
    }

    private func child(_ program: String, _ arguments: [String]) -> ChildProcess {
        ChildProcess(program, arguments, environment: environment.map { "\($0)=\($1)" })
    }
}
