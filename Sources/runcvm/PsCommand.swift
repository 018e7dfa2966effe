import ArgumentParser
import Firecracker
import OCI
import Plan

struct PsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the VMs of this host, Docker's and those made by hand.",
        discussion: """
            A VM is running, or configured (fc-config has written its files), planned, or only prepared. PID is fc-boot's,
            which takes signals for the VM's process.

              runcvm ps
              runcvm ps --json | jq -r '.[] | select(.state == "running").id'
            """)

    @Flag(help: "Print a JSON list.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print the ids alone.")
    var quiet = false

    @Flag(help: "Print ids in full.")
    var noTrunc = false

    func run() throws {
        let all = try ListedVM.all()
        if json { return try DocumentPipe.writeText(try JSONValue(encoding: all).serialized() + [0x0a]) }
        let lines = quiet ? all.map { shown($0.id) } : table([Self.header] + all.map(row))
        try DocumentPipe.writeText([UInt8](lines.map { "\($0)\n" }.joined().utf8))
    }

    private static let header = ["ID", "STATUS", "PID", "CPUS", "MEMORY", "NETWORK"]

    private func row(_ vm: ListedVM) -> [String] {
        let network =
            vm.addresses.isEmpty ? vm.mode?.rawValue ?? "" : vm.addresses.map(\.description).joined(separator: " ")
        return [
            shown(vm.id), vm.state.rawValue + (vm.seconds.map { " \(Self.age($0))" } ?? ""),
            vm.pid.map(String.init) ?? "", vm.vcpus.map(String.init) ?? "", vm.memory.map { "\($0)M" } ?? "", network,
        ]
    }

    /// Engines' ids are 64 hexadecimal digits, of which they show 12.
    private func shown(_ id: String) -> String {
        !noTrunc && id.count == 64 && id.allSatisfy(\.isHexDigit) ? String(id.prefix(12)) : id
    }

    static func age(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds)s"
        case ..<7200: "\(seconds / 60)m"
        case ..<172_800: "\(seconds / 3600)h"
        default: "\(seconds / 86400)d"
        }
    }

    private func table(_ rows: [[String]]) -> [String] {
        let widths = Self.header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let line = zip(row, widths).map { TextWidth.padded($0, to: $1) }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
