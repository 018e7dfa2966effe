import ArgumentParser
import Firecracker
import Glibc
import Linux
import Netlink
import OCI
import Plan

struct FCConfigCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "fc-config",
        abstract: "Write Firecracker's configuration and the guest's, and add `machine` to the document.",
        discussion: """
            For a container that oci-adapt has prepared, everything comes from its config.json. By hand, name a kernel (an
            uncompressed ELF vmlinux) and a root disk, and the command to run after --:

              runcvm net-plan --netns /run/netns/web | runcvm tap-create |
                runcvm bridge-alias |
                runcvm fc-config --kernel vmlinux --rootfs disk.ext4 -- /bin/date > vm.json
              runcvm fc-boot vm.json
              runcvm fc-config --rootfs disk.ext4 --dry-run < plan.json

            The files are in /run/runcvm/ID: firecracker.json, guest.json, machine.json.
            """)

    @Option(help: "The guest's kernel. Default: the one installed beside runcvm.")
    var kernel: String?

    @Option(help: "The guest's initramfs. Default: the one installed beside runcvm.")
    var initrd: String?

    @Option(help: "An ext4 disk that becomes the guest's root.")
    var rootfs: String?

    @Option(help: "Guest memory, like 512M or 2G.")
    var memory: String = "512M"

    @Option(help: "Number of vCPUs, 1 to 32.")
    var cpus: Int = 1

    @Flag(help: "Print the equivalent commands for sh, new keys in them, and change nothing.")
    var dryRun = false

    @Argument(help: "The command that the guest runs. Default: /bin/sh")
    var command: [String] = []

    mutating func set(from options: inout PlainOptions) {
        kernel = options.take("kernel")
        initrd = options.take("initrd")
        rootfs = options.take("rootfs")
        memory = options.take("memory") ?? "512M"
        cpus = options.take("cpus") ?? 1
        command = []
        dryRun = false
    }

    func run() throws {
        let made = try files()
        guard dryRun else {
            return try Journal.run { _ in
                try made.write()
                try DocumentPipe.write(made.state)
            }
        }
        let run = DryRun()
        run.addOutside(["umask", "077"])
        run.addOutside(["mkdir", "-p", made.directory])
        for file in made.files {
            if file.owner != nil { run.addOutside(["rm", "-f", file.path]) }
            run.addOutside(["cat"], output: file.path, input: String(decoding: file.text, as: UTF8.self))
            if let owner = file.owner { run.addOutside(["chown", "\(owner):\(owner)", file.path]) }
        }
        try DocumentPipe.writeText(run.text)
    }

    private func files() throws -> MachineFiles {
        let installation = try Installation(environment: ProcessEnvironment.all)
        let state = try DocumentPipe.read(verb: "fc-config")
        let builder = try MachineBuilder(state, installation: installation)
        if try RunDirectory(id: state.container().id).isJailed, rootfs == nil {
            return try builder.buildJailed()
        }
        guard let rootfs else {
            throw Failure(
                .usage, "no root disk: name one with --rootfs, or prepare the container with runcvm oci-adapt")
        }
        return try builder.build(try byHand(state, rootfs: rootfs, installation))
    }

    private func byHand(
        _ state: VMState, rootfs: String, _ installation: Installation
    ) throws -> MachineBuilder.ByHand {
        guard let mebibytes = MachineSize.parse(memory) else {
            throw Failure(.usage, "--memory \(memory): not a size like 512M or 2G")
        }
        guard (1...32).contains(cpus) else { throw Failure(.usage, "--cpus \(cpus): not a number of CPUs (1 to 32)") }
        let path = [OCIProcess.defaultPath, "HOME=/root", "TERM=linux"]
        return MachineBuilder.ByHand(
            kernel: try existing(kernel ?? installation.kernel(), "--kernel"),
            initrd: try existing(initrd ?? installation.initrd(), "--initrd"),
            rootfs: try existing(rootfs, "--rootfs"), firecracker: try installation.firecracker(),
            size: MachineSize(vcpus: cpus, memory: mebibytes),
            process: OCIProcess(args: command.isEmpty ? ["/bin/sh"] : command, env: path, terminal: isatty(0) != 0),
            hostname: try state.container().id)
    }

    /// Absolute: fc-boot may be started elsewhere.
    private func existing(_ path: String, _ option: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            throw Failure(.missingInput, "\(option) \(path): no such file")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
