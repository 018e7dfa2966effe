import Glibc
import Linux
import Netlink
import OCI

/// One flavour of iptables: iptables-nft or iptables-legacy, by its programs to save and restore (iptables-save(8)).
struct IPTables {
    enum Flavour: String { case nft = "iptables-nft", legacy = "iptables-legacy" }

    let flavour: Flavour
    /// As in "/usr/sbin/iptables-nft".
    private let base: String
    private let environment: [String]

    /// nil where PATH has no such programs. Plain `iptables` serves where its version names this flavour.
    init?(_ flavour: Flavour, path: String) throws {
        self.flavour = flavour
        environment = ["PATH=\(path)"]
        if let save = Files.findProgram("\(flavour.rawValue)-save", path: path) {
            base = String(save.dropLast("-save".count))
        } else if let plain = Files.findProgram("iptables", path: path), try Self.flavour(of: plain, path) == flavour {
            base = plain
        } else {
            return nil
        }
    }

    /// What plain `iptables` is; nil where there is none.
    static func standard(path: String) throws -> Flavour? {
        try Files.findProgram("iptables", path: path).flatMap { try flavour(of: $0, path) }
    }

    /// "iptables v1.8.9 (nf_tables)"; before 1.8 there was one flavour, and nothing in parentheses.
    private static func flavour(of program: String, _ path: String) throws -> Flavour? {
        let outcome = try ChildProcess(program, ["-V"], environment: ["PATH=\(path)"]).run()
        guard outcome.status == 0 else { return nil }
        return String(decoding: outcome.output, as: UTF8.self).contains("nf_tables") ? .nft : .legacy
    }

    /// Every table that is in use, of the calling thread's namespace.
    func save() throws -> SavedRules {
        SavedRules(try run("\(base)-save", []))
    }

    /// A table at a time, each as one change; what the text does not name stays.
    func restore(_ text: String) throws {
        let (program, arguments) = ("\(base)-restore", ["-w", "10", "--noflush"])
        if let dryRun = DryRun.current { return dryRun.add([program] + arguments, input: text) }
        _ = try run(program, arguments, input: text)
    }

    private func run(_ program: String, _ arguments: [String], input: String = "") throws -> String {
        try Firewall.run(
            ChildProcess(program, arguments, environment: environment, input: [UInt8](input.utf8)))
    }
}

/// What the firewalls' programs have in common.
enum Firewall {
    /// Its output. Throws `Failure` with its first line of errors.
    static func run(_ child: ChildProcess) throws -> String {
        let outcome = try child.run()
        guard outcome.status == 0 else {
            let name = child.program.split(separator: "/").last.map(String.init) ?? child.program
            let line = outcome.errors.split(separator: "\n").first.map(String.init) ?? "exit \(outcome.status)"
            throw Failure(
                geteuid() == 0 ? .unavailable : .privilege, line.hasPrefix(name) ? line : "\(name): \(line)")
        }
        return String(decoding: outcome.output, as: UTF8.self)
    }
}
