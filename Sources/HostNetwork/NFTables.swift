import Linux
import Netlink
import OCI

/// A chain of the host's ruleset, as nft(8) names it: `inet filter forward`.
struct NFTChain: Equatable, CustomStringConvertible {
    var family: String
    var table: String
    var name: String
    var description: String { "\(family) \(table) \(name)" }
}

/// nft(8), where there is no iptables.
struct NFTables {
    private let program: String
    private let environment: [String]

    /// nil where PATH has no nft.
    init?(path: String) {
        guard let program = Files.findProgram("nft", path: path) else { return nil }
        self.program = program
        environment = ["PATH=\(path)"]
    }

    /// Runs commands as one transaction.
    func run(_ text: String) throws {
        if let dryRun = DryRun.current { return dryRun.add([program, "-f", "-"], input: text) }
        _ = try Firewall.run(
            ChildProcess(program, ["-f", "-"], environment: environment, input: [UInt8](text.utf8)))
    }

    func ruleset() throws -> NFTRuleset {
        let text = try Firewall.run(ChildProcess(program, ["-j", "list", "ruleset"], environment: environment))
        return NFTRuleset(try JSONValue(parsing: [UInt8](text.utf8), subject: "nft -j list ruleset"))
    }
}

/// What `nft -j list ruleset` says (libnftables-json(5)).
struct NFTRuleset {
    private let objects: [JSONValue]

    init(_ document: JSONValue) { objects = document["nftables"]?.array ?? [] }

    /// Where IPv4 packets are forwarded or not: base chains of the forward hook.
    var forwardChains: [NFTChain] {
        objects.compactMap { $0["chain"] }.filter { chain in
            chain["hook"]?.string == "forward" && chain["type"]?.string == "filter"
                && ["ip", "inet"].contains(chain["family"]?.string)
        }.compactMap { Self.chain($0, name: "name") }
    }

    /// The commands that delete this table, and the rules with this comment elsewhere; none where there is nothing.
    func deleting(comment: String, table: String) -> String {
        let tables = objects.compactMap { $0["table"] }.filter {
            $0["family"]?.string == "ip" && $0["name"]?.string == table
        }
        let rules = objects.compactMap { $0["rule"] }.filter {
            $0["comment"]?.string == comment && $0["table"]?.string != table
        }
        return tables.map { _ in "delete table ip \(table)\n" }.joined()
            + rules.compactMap { rule in
                guard let chain = Self.chain(rule, name: "chain"), let handle = rule["handle"]?.integer else {
                    return nil
                }
                return "delete rule \(chain) handle \(handle)\n"
            }.joined()
    }

    private static func chain(_ value: JSONValue, name: String) -> NFTChain? {
        guard let family = value["family"]?.string, let table = value["table"]?.string, let name = value[name]?.string
        else { return nil }
        return NFTChain(family: family, table: table, name: name)
    }
}
