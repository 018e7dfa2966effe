import ArgumentParser
import CLinux
import Firecracker
import Glibc
import Linux
import OCI

struct FCStopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fc-stop",
        abstract: "Stop VMs: ask the process in the guest to end, and after a while end the VM.",
        discussion: """
            As docker stop does; for Docker's VMs use that, since Docker may start again what it has not stopped itself. The
            network stays until it is undone (bridge-restore, tap-delete). Prints the id of each when it has gone.

              runcvm stop web
              runcvm stop --time 30 $(runcvm ps --quiet)
            """,
        aliases: ["stop"])

    @Argument(help: "The VMs' ids, or their beginnings.")
    var ids: [String]

    @Option(name: .shortAndLong, help: "How many seconds the process has.")
    var time = 10

    @Option(name: .shortAndLong, help: "The signal that asks, by its number or name.")
    var signal = "TERM"

    func validate() throws {
        if !(0...86400).contains(time) { throw ValidationError("--time \(time): not a number of seconds") }
        if number == nil { throw ValidationError("--signal \(signal): no such signal") }
    }

    private var number: CInt? {
        if let number = CInt(signal) { return (1...64).contains(number) ? number : nil }
        let name = signal.uppercased()
        let short = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
        return (1...31).first { linux_signal_name($0).map { String(cString: $0) } == short }
    }

    func run() throws {
        for id in ids {
            let vm = try ListedVM.find(id)
            try vm.stop(signal: number ?? SIGTERM, limit: time)
            try DocumentPipe.writeText([UInt8]("\(vm.id)\n".utf8))
        }
    }
}
