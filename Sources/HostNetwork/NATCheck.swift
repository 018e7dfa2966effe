import Linux
import OCI
import Plan

/// The host's side of a VM in host mode, compared with the plan.
extension NATSetup {
    func differences() throws -> [String] {
        var found: [String] = []
        if try !ForwardingSwitch.isOn() {
            found.append("net.ipv4.ip_forward: 0, not 1; something turned it off: sysctl -w net.ipv4.ip_forward=1")
        }
        for key in tapSwitches where try Sysctl.read(tapSwitch(key))?.hasPrefix("1") != true {
            found.append("\(host.tap): \(key) is off; sysctl -w net.ipv4.conf.\(host.tap).\(key)=1")
        }
        if let now = try Uplink.read()?.dev, now != host.uplink {
            found.append(
                "\(now): the way out is by it now, not by \(host.uplink ?? "any interface"), where the masquerade is; "
                    + "start the VM again")
        }
        let rules = NATRules(host: host, comment: comment)
        switch try program() {
        case .iptables(let iptables): found += try differences(iptables.save(), rules, try otherFlavour(iptables))
        case .nft(let nft): found += differences(try nft.ruleset(), rules)
        }
        return found
    }

    private func differences(_ saved: SavedRules, _ rules: NATRules, _ other: (name: String, saved: SavedRules)?)
        -> [String]
    {
        var found: [String] = []
        for (table, wanted) in rules.counts.sorted(by: { $0.key < $1.key }) {
            let there = saved.deleting(comment, in: table).count
            guard there < wanted else { continue }
            let policy = saved.forwardPolicy.map { " (FORWARD's policy is \($0))" } ?? ""
            found.append(
                "\(host.firewall): \(there) of \(wanted) rules of the VM in table \(table)"
                    + "\(table == "filter" ? policy : ""); the firewall was loaded anew: runcvm nat-enable makes them")
        }
        if let before = saved.ruleBefore(comment, in: saved.forwardChain, besides: "runcvm:"), found.isEmpty {
            found.append(
                "\(host.firewall): the rule '\(before)' comes before the VM's, and may drop its traffic; "
                    + "runcvm nat-enable puts them first")
        }
        if let other, other.saved.forwardPolicy == "DROP" {
            found.append(
                "\(other.name): policy of FORWARD is DROP; it drops beside \(host.firewall): "
                    + "\(other.name) -P FORWARD ACCEPT")
        }
        return found
    }

    private func differences(_ ruleset: NFTRuleset, _ rules: NATRules) -> [String] {
        let lines = ruleset.deleting(comment: comment, table: table).split(separator: "\n")
        var found: [String] = []
        if !lines.contains(where: { $0.hasPrefix("delete table") }) {
            found.append("nft: the VM's table ip \(table) is missing; runcvm nat-enable makes it")
        }
        let wanted = ruleset.forwardChains.count * 2
        let there = lines.count { $0.hasPrefix("delete rule") }
        if there < wanted {
            let chains = ruleset.forwardChains.map(\.description).joined(separator: ", ")
            found.append(
                "nft: \(there) of \(wanted) rules of the VM in \(chains); the firewall was loaded anew: "
                    + "runcvm nat-enable makes them")
        }
        return found
    }

    /// The flavour of iptables that the rules are not made with, where it is in use.
    private func otherFlavour(_ ours: IPTables) throws -> (name: String, saved: SavedRules)? {
        let flavour: IPTables.Flavour = ours.flavour == .nft ? .legacy : .nft
        guard try HostFirewall.isLoaded(flavour, path: path), let other = try IPTables(flavour, path: path) else {
            return nil
        }
        return (flavour.rawValue, try other.save())
    }
}
