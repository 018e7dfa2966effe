import Plan

/// The rules of one VM in host mode, as text for iptables-restore(8) and nft(8): pure functions.
struct NATRules {
    let host: HostPlan
    let comment: String

    private var guest: String { "\(host.guest.address)" }
    private var ports: [HostPort] { host.ports ?? [] }

    // MARK: iptables

    /// How many rules each table has.
    var counts: [String: Int] { ["nat": nat().count, "filter": filter("FORWARD").count] }

    /// The commands for each table, without the old rules of this VM that `saved` (iptables-save's output) shows.
    func restoring(over saved: SavedRules, forwardChain: String) -> String {
        let words = "-m comment --comment \"\(comment)\""
        return Self.restore([
            "nat": saved.deleting(comment, in: "nat") + nat().map { "-I \($0.match) \(words) -j \($0.action)" },
            "filter": saved.deleting(comment, in: "filter")
                + filter(forwardChain).map { "-I \($0.match) \(words) -j \($0.action)" },
        ])
    }

    /// The commands that delete the rules of this VM; nil where there are none.
    static func deleting(_ comment: String, from saved: SavedRules) -> String? {
        let commands = Dictionary(uniqueKeysWithValues: saved.tables.map { ($0, saved.deleting(comment, in: $0)) })
        return commands.values.allSatisfy(\.isEmpty) ? nil : restore(commands)
    }

    private static func restore(_ commands: [String: [String]]) -> String {
        commands.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }.map { table, lines in
            "*\(table)\n\(lines.joined(separator: "\n"))\nCOMMIT\n"
        }.joined()
    }

    private func nat() -> [(match: String, action: String)] {
        var rules = [("POSTROUTING -s \(guest)/32" + (host.uplink.map { " -o \($0)" } ?? ""), "MASQUERADE")]
        for port in ports {
            let transport = port.protocol.rawValue
            let local = "-p \(transport) -m addrtype --dst-type LOCAL -m \(transport) --dport \(port.host)"
            let action = "DNAT --to-destination \(guest):\(port.guest)"
            rules.append(("PREROUTING ! -i \(host.tap) \(local)", action))
            rules.append(("OUTPUT \(local)", action))
        }
        // Who asks 127.0.0.1 has that as its source, to which the guest could not answer.
        if !ports.isEmpty { rules.append(("POSTROUTING -s 127.0.0.0/8 -d \(guest)/32 -o \(host.tap)", "MASQUERADE")) }
        return rules
    }

    private func filter(_ forwardChain: String) -> [(match: String, action: String)] {
        var rules = [
            ("\(forwardChain) -i \(host.tap) -s \(guest)/32", "ACCEPT"),
            ("\(forwardChain) -o \(host.tap) -d \(guest)/32", "ACCEPT"),
        ]
        // The tap's route_localnet lets answers in to 127.0.0.1; nothing else may use it (CVE-2020-8558).
        if !ports.isEmpty {
            rules.append(
                ("INPUT -i \(host.tap) -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED", "DROP"))
        }
        return rules
    }

    // MARK: nft

    /// A table of this VM's own, made anew, and rules in the host's own forward chains: an accept of ours would not
    /// outweigh a drop of theirs.
    func nft(table: String, forwardChains: [NFTChain]) -> String {
        var lines = ["add table ip \(table)", "delete table ip \(table)", "add table ip \(table)"]
        let hooks = [
            ("postrouting", "nat", "postrouting", 100), ("prerouting", "nat", "prerouting", -100),
            ("output", "nat", "output", -100), ("input", "filter", "input", 0),
        ]
        for (name, type, hook, priority) in ports.isEmpty ? Array(hooks.prefix(1)) : hooks {
            lines.append("add chain ip \(table) \(name) { type \(type) hook \(hook) priority \(priority); }")
        }
        func add(_ chain: String, _ rule: String) { lines.append("add rule ip \(table) \(chain) \(rule) \(remark)") }
        add("postrouting", "ip saddr \(guest)" + (host.uplink.map { " oifname \"\($0)\"" } ?? "") + " masquerade")
        for port in ports {
            let local =
                "fib daddr type local \(port.protocol.rawValue) dport \(port.host) dnat to \(guest):\(port.guest)"
            add("prerouting", "iifname != \"\(host.tap)\" \(local)")
            add("output", local)
        }
        if !ports.isEmpty {
            add("postrouting", "ip saddr 127.0.0.0/8 ip daddr \(guest) oifname \"\(host.tap)\" masquerade")
            add("input", "iifname \"\(host.tap)\" ip daddr 127.0.0.0/8 ct state != { established, related } drop")
        }
        for chain in forwardChains {
            lines.append("insert rule \(chain) iifname \"\(host.tap)\" ip saddr \(guest) accept \(remark)")
            lines.append("insert rule \(chain) oifname \"\(host.tap)\" ip daddr \(guest) accept \(remark)")
        }
        return lines.map { "\($0)\n" }.joined()
    }

    private var remark: String { "comment \"\(comment)\"" }
}
