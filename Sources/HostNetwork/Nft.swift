import Linux
import Netlink
import OCI

/// nftables by its program nft(8), in the calling thread's namespace. Everything of ours is in tables named `runcvm`.
struct Nft {
    static let table = "runcvm"
    private let program: String

    /// nil where `path`, a list of folders like PATH's, has no nft.
    init?(path: String) {
        guard let program = Files.findProgram("nft", path: path) else { return nil }
        self.program = program
    }

    /// One transaction: all of it is done, or nothing. Throws `Failure.unavailable` with nft's own first line.
    func apply(_ rules: String) throws {
        if let dryRun = DryRun.current { return dryRun.add([program, "-f", "-"], input: rules) }
        let outcome = try ChildProcess(program, ["-f", "-"], input: [UInt8](rules.utf8)).run()
        guard outcome.status == 0 else {
            let reason = outcome.errors.split(separator: "\n").first.map(String.init) ?? "exit \(outcome.status)"
            throw Failure(.unavailable, "\(program): \(reason)")
        }
    }

    /// Deletes our table of these families, where they are.
    func deleteTables(_ families: [String]) throws {
        let ours = try tables(families)
        if !ours.isEmpty { try apply(ours.map { "delete table \($0) \(Self.table)\n" }.joined()) }
    }

    /// Those of these families in which our table is.
    func tables(_ families: [String]) throws -> [String] {
        // A kernel without nftables has none.
        let outcome = try ChildProcess(program, ["list", "tables"]).run()
        guard outcome.status == 0 else { return [] }
        let there = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").map(String.init)
        return families.filter { there.contains("table \($0) \(Self.table)") }
    }
}
