/// iptables-save(8)'s output, as far as we must understand it.
struct SavedRules {
    /// In the order of the text.
    private(set) var tables: [String] = []
    /// The lines of each table: `:CHAIN POLICY [0:0]` and `-A CHAIN …`.
    private var lines: [String: [String]] = [:]

    init(_ text: String) {
        for line in text.split(separator: "\n").map(String.init) {
            if line.hasPrefix("*") {
                tables.append(String(line.dropFirst()))
            } else if let table = tables.last, line.hasPrefix(":") || line.hasPrefix("-A ") {
                lines[table, default: []].append(line)
            }
        }
    }

    /// Somebody made something here: a rule, a chain, or a policy other than ACCEPT.
    var isUsed: Bool {
        lines.values.joined().contains { line in
            line.hasPrefix("-A ") || !(line.contains(" ACCEPT ") || line.hasSuffix(" ACCEPT"))
        }
    }

    var hasDockersChains: Bool { lines.values.joined().contains { $0.hasPrefix(":DOCKER ") } }

    /// Of the filter table's chain FORWARD; nil where the table is not there.
    var forwardPolicy: String? {
        let chain = lines["filter"]?.first { $0.hasPrefix(":FORWARD ") }
        return chain?.split(separator: " ").dropFirst().first.map(String.init)
    }

    /// Docker leaves DOCKER-USER to others, and asks it before its own rules; where that chain is not asked, FORWARD.
    var forwardChain: String {
        let asked = lines["filter"]?.contains("-A FORWARD -j DOCKER-USER") ?? false
        return asked ? "DOCKER-USER" : "FORWARD"
    }

    /// For iptables-restore: a command that deletes it, for each rule with this comment.
    func deleting(_ comment: String, in table: String) -> [String] {
        (lines[table] ?? []).compactMap { line in
            guard line.hasPrefix("-A "), Self.comment(of: line) == comment else { return nil }
            return "-D " + line.dropFirst(3)
        }
    }

    /// The first rule of a chain of the filter table that is asked before the first with this comment; those whose comment
    /// has the prefix are fine there. nil where there is none.
    func ruleBefore(_ comment: String, in chain: String, besides prefix: String) -> String? {
        let rules = (lines["filter"] ?? []).filter { $0.hasPrefix("-A \(chain) ") }
        let before = rules.prefix { Self.comment(of: $0) != comment }
        return before.count == rules.count ? nil : before.first { Self.comment(of: $0)?.hasPrefix(prefix) != true }
    }

    /// iptables-save quotes a comment only where it has to.
    private static func comment(of line: String) -> String? {
        let words = line.split(separator: " ")
        guard let option = words.firstIndex(of: "--comment"), option + 1 < words.count else { return nil }
        return words[option + 1].filter { $0 != "\"" }
    }
}
