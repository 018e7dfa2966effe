import ArgumentParser
import Firecracker
import Glibc
import Linux
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
            """)

    @Argument(help: "The document, as fc-config wrote it.")
    var document: String

    @OptionGroup var namespace: NetnsOptions

    func run() throws {
        let state = try VMState(parsing: try Files.read(document), subject: document)
        guard let machine = try state.machine() else {
            throw Failure.badInput("machine", "missing in \(document); fc-config adds it")
        }
        // In its jail the VMM is in the container's namespace already, and the document names none.
        let status: Int
        do {
            status = try namespace.run(state.container()) { try VirtualMachine(machine).run() }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.machine, "the VM could not run: \(error)")
        }
        throw ExitCode(CInt(status))
    }
}
