import ArgumentParser
import Firecracker
import Glibc
import HostNetwork
import Linux
import Netlink
import OCI
import Plan

struct FCBootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fc-boot",
        abstract: "Boot the VM of a document and stay until its process ends, with that process's exit status.",
        discussion: """
            stdin, stdout and stderr are the process's; signals go to it. Exits with its status (128+n for signal n), or 125
            where the VM itself could not run.

              runcvm fc-config --rootfs disk.ext4 -- /bin/date < network.json > vm.json
              runcvm fc-boot vm.json
              runcvm fc-boot --dry-run vm.json
            """)

    @Argument(help: "The document, as fc-config wrote it.")
    var document: String

    @OptionGroup var namespace: NetnsOptions

    @Flag(help: "Print the command that boots the VM, and change nothing.")
    var dryRun = false

    func run() throws {
        let state = try VMState(parsing: try text(), subject: document)
        guard let machine = try state.machine() else {
            throw Failure.badInput("machine", "missing in \(document); fc-config adds it")
        }
        // In its jail the VMM is in the container's namespace already, and the document names none.
        let container = try state.container()
        let nics = try state.document["network"] == nil ? [] : state.network().nics
        if dryRun {
            let run = DryRun(netns: namespace.netns ?? container.netns)
            run.add(VirtualMachine.commandLine(of: machine))
            return try DocumentPipe.writeText(run.text)
        }
        let status: Int
        do {
            status = try namespace.run(container) {
                try KVM.check()
                try TapCheck.run(nics)
                return try VirtualMachine(machine).run()
            }
        } catch let failure as Failure where failure.kind == .machine {
            throw failure
        } catch {
            throw Failure(.machine, "the VM could not run: \(error)")
        }
        throw ExitCode(CInt(status))
    }

    /// In a jail without our runtime hooks/poststart writes the document, or why there is none, after our start.
    private func text() throws -> [UInt8] {
        var text = try Files.read(document)
        guard document == JailConfig.machine else { return text }
        var attempts = Self.patience * 20
        while text.last != UInt8(ascii: "\n") {  // Else it is not whole yet.
            guard attempts > 0 else {
                throw Failure(
                    .machine, "\(document) is empty after \(Self.patience) seconds; hooks/poststart writes it")
            }
            attempts -= 1
            usleep(50_000)
            text = try Files.read(document)
        }
        if text.first == UInt8(ascii: "{") { return text }
        throw Failure(.machine, String(decoding: text.dropLast(), as: UTF8.self))
    }

    /// In seconds, as long as the runtime gives a hook.
    private static let patience = 120
}
