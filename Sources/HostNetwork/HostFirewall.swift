import Glibc
import Linux

/// Which firewall holds the host's rules: rules made with another one would be asked beside them, and outweigh no drop.
struct HostFirewall: Equatable {
    /// `iptables-nft`, `iptables-legacy`, `both`, `nft`, `none`, as in the facts.
    var name: String
    /// What FORWARD does with a packet that no rule takes.
    var forwardPolicy: String?

    /// What each flavour of iptables that is installed has; nil where it is not installed, or its part of the kernel
    /// is not loaded. `standard` is plain `iptables`.
    init(
        nft: SavedRules?, legacy: SavedRules?, installed: Set<IPTables.Flavour>, standard: IPTables.Flavour?,
        hasNFT: Bool
    ) {
        let used: [IPTables.Flavour: SavedRules] = [.nft: nft, .legacy: legacy].compactMapValues { rules in
            rules.flatMap { $0.isUsed ? $0 : nil }
        }
        let dockers = used.filter { $0.value.hasDockersChains }
        guard let fallback = standard ?? (installed.contains(.nft) ? .nft : installed.first) else {
            self.init(name: hasNFT ? "nft" : "none", forwardPolicy: nil)
            return
        }
        let holders = dockers.count == 1 ? dockers : used
        if holders.count == 2 {
            let policies = holders.values.map(\.forwardPolicy)
            self.init(name: "both", forwardPolicy: policies.contains("DROP") ? "DROP" : policies.first ?? nil)
        } else {
            let (flavour, rules) = holders.first.map { ($0.key, $0.value) } ?? (fallback, nil)
            self.init(name: flavour.rawValue, forwardPolicy: rules?.forwardPolicy)
        }
    }

    private init(name: String, forwardPolicy: String?) {
        self.name = name
        self.forwardPolicy = forwardPolicy
    }

    /// Of the calling thread's namespace. Loads no kernel module that plain `iptables` would not.
    static func read(path: String) throws -> HostFirewall {
        let standard = try IPTables.standard(path: path)
        let nft = try IPTables(.nft, path: path)
        let legacy = try IPTables(.legacy, path: path)
        return HostFirewall(
            nft: try isLoaded(.nft, path: path) ? try nft?.save() : nil,
            legacy: try isLoaded(.legacy, path: path) ? try legacy?.save() : nil,
            installed: Set([nft, legacy].compactMap { $0?.flavour }), standard: standard,
            hasNFT: NFTables(path: path) != nil)
    }

    /// Whether a flavour can have rules: asking it then loads no part of the kernel that is not there anyway.
    static func isLoaded(_ flavour: IPTables.Flavour, path: String) throws -> Bool {
        switch flavour {
        case .nft:
            // iptables-nft-save loads nf_tables.
            return try IPTables.standard(path: path) == .nft || Files.exists("/sys/module/nf_tables")
        case .legacy:
            // iptables-legacy-save reads the tables named here, and loads none.
            let names = "/proc/thread-self/net/ip_tables_names"
            return try Files.exists(names) && !Files.readText(names).isEmpty
        }
    }
}
