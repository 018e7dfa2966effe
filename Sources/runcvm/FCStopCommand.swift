import ArgumentParser
import CLinux
import Firecracker
import Glibc
import Linux
import Netlink
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
              runcvm stop --dry-run web
            """,
        aliases: ["stop"])

    @Argument(help: "The VMs' ids, or their beginnings.")
    var ids: [String]

    @Option(name: .shortAndLong, help: "How many seconds the process has.")
    var time = 10

    @Option(name: .shortAndLong, help: "The signal that asks, by its number or name.")
    var signal = "TERM"

    @Flag(help: "Print the equivalent commands for sh, and change nothing.")
    var dryRun = false

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
        if dryRun { return try DocumentPipe.writeText(script().text) }
        for id in ids {
            let vm = try ListedVM.find(id)
            try vm.stop(signal: number ?? SIGTERM, limit: time)
            try DocumentPipe.writeText([UInt8]("\(vm.id)\n".utf8))
        }
    }

    /// Of each VM that runs.
    private func script() throws -> DryRun {
        let run = DryRun()
        let signal = number.flatMap(linux_signal_name).map { String(cString: $0) } ?? signal
        for pid in try ids.compactMap({ try ListedVM.find($0).pid }) {
            run.addOutside(["kill", "-\(signal)", "\(pid)"])
            // To timeout(1) 0 is no limit.
            let wait = time > 0 ? "timeout \(time) tail --pid=\(pid) -f /dev/null || " : ""
            run.addOutside(["sh", "-c", "\(wait)kill -KILL \(pid)"])
        }
        return run
    }
}
