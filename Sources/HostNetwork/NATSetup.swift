import Linux
import OCI
import Plan

/// nat-enable and nat-disable: masquerade, forwarding and host ports of one VM in host mode, in the calling thread's
/// namespace. Every rule carries the container's id as its comment, and is removed by it.
public struct NATSetup {
    let host: HostPlan
    let id: String
    /// Holds the lock and the record of ip_forward.
    let directory: String
    /// Where programs are looked for.
    let path: String

    /// nil for a plan that is not of host mode.
    public init?(_ plan: NetworkPlan, id: String, directory: String, path: String) {
        guard plan.mode == .host, let host = plan.host else { return nil }
        self.host = host
        self.id = id
        self.directory = directory
        self.path = path
    }

    var comment: String { NATRecord.comment(for: id) }
    var table: String { NATRecord.table(for: id) }

    /// Makes everything anew where it is there already. A failure undoes what this call did.
    public func enable() throws -> NATRecord {
        try Privilege.check(to: "change the firewall")
        return try HostModeLock.hold(in: directory) {
            let program = try program()
            return try Journal.run { journal in
                let forwarding = ForwardingSwitch(in: directory)
                if try !forwarding.isOn(for: id) { journal.record { try forwarding.release(id) } }
                let wasOff = try forwarding.turnOn(for: id)
                try setTap()
                if try deletion(program) == nil { journal.record { try deleteRules(program) } }
                return NATRecord(
                    comment: comment, firewall: host.firewall, forwardChains: try makeRules(program),
                    setIPForward: wasOff)
            }
        }
    }

    /// May run twice, after a crash, and on whatever is left; every step runs, and all errors come together.
    public func disable() throws {
        try Privilege.check(to: "change the firewall")
        try HostModeLock.hold(in: directory) {
            var errors = ErrorCollector()
            errors.run { try deleteRules(try program()) }
            errors.run { try ForwardingSwitch(in: directory).release(id) }
            try errors.finish()
        }
    }

    /// The tap's own switches, which go with it.
    private func setTap() throws {
        // sysctl -w net.ipv4.conf.TAP.forwarding=1 net.ipv4.conf.TAP.route_localnet=1
        for key in tapSwitches { try Sysctl.write("1", to: tapSwitch(key), remedy: "runcvm tap-create comes first") }
    }

    var tapSwitches: [String] { ["forwarding"] + (host.ports == nil ? [] : ["route_localnet"]) }
    func tapSwitch(_ key: String) -> String { "/proc/sys/net/ipv4/conf/\(host.tap)/\(key)" }

    enum Program {
        case iptables(IPTables)
        case nft(NFTables)
    }

    func program() throws -> Program {
        if host.firewall == "nft" {
            guard let nft = NFTables(path: path) else {
                throw Failure(.unavailable, "nft not found on PATH (\(path)); apt-get install nftables, or iptables")
            }
            return .nft(nft)
        }
        guard let flavour = IPTables.Flavour(rawValue: host.firewall) else {
            throw Failure.badInput(
                "network.host.firewall", "\"\(host.firewall)\" is not iptables-nft, iptables-legacy or nft")
        }
        guard let iptables = try IPTables(flavour, path: path) else {
            throw Failure(.unavailable, "\(flavour.rawValue) not found on PATH (\(path)); apt-get install iptables")
        }
        return .iptables(iptables)
    }

    /// Returns the chains that accept the VM's traffic first.
    private func makeRules(_ program: Program) throws -> [String] {
        let rules = NATRules(host: host, comment: comment)
        switch program {
        case .iptables(let iptables):
            let saved = try iptables.save()
            try iptables.restore(rules.restoring(over: saved, forwardChain: saved.forwardChain))
            return [saved.forwardChain]
        case .nft(let nft):
            let ruleset = try nft.ruleset()
            let chains = ruleset.forwardChains
            try nft.run(
                ruleset.deleting(comment: comment, table: table) + rules.nft(table: table, forwardChains: chains))
            return chains.map(\.description)
        }
    }

    private func deleteRules(_ program: Program) throws {
        guard let commands = try deletion(program) else { return }
        switch program {
        case .iptables(let iptables): try iptables.restore(commands)
        case .nft(let nft): try nft.run(commands)
        }
    }

    /// The commands that delete this VM's rules; nil where it has none.
    private func deletion(_ program: Program) throws -> String? {
        switch program {
        case .iptables(let iptables): return NATRules.deleting(comment, from: try iptables.save())
        case .nft(let nft):
            let commands = try nft.ruleset().deleting(comment: comment, table: table)
            return commands.isEmpty ? nil : commands
        }
    }
}
