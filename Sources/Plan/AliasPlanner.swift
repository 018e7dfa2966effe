/// The address by which a container's namespace reaches its own VM: the subnet's broadcast address less one.
struct AliasPlanner {
    enum Choice {
        case alias(IPPrefix)
        case none(String)

        var alias: IPPrefix? { if case .alias(let alias) = self { alias } else { nil } }
        var omitted: String? { if case .none(let reason) = self { reason } else { nil } }
    }

    /// Every IPv4 address that somebody is known to have.
    private let taken: Set<UInt32>

    init(facts: Facts) {
        let addresses =
            facts.links.flatMap(\.addresses).map(\.address) + facts.routes.compactMap(\.via)
            + facts.routes.compactMap(\.source)
            + facts.neighbors.map(\.ip) + (facts.host.addresses ?? []).map(\.address)
        taken = Set(addresses.compactMap(\.number))
    }

    /// Steps down from the highest host address of the NIC's first IPv4 subnet to one that is free.
    func alias(for addresses: [IPPrefix]) -> Choice {
        guard let prefix = addresses.first(where: { !$0.address.isIPv6 }), let own = prefix.address.number else {
            return .none("the interface has no IPv4 address")
        }
        guard (1...30).contains(prefix.length) else {
            return .none("a /\(prefix.length) has no spare address")
        }
        let hosts = UInt32(0xffff_ffff) >> UInt32(prefix.length)
        let network = own & ~hosts
        var candidate = network | (hosts - 1)
        while candidate > network, taken.contains(candidate) { candidate -= 1 }
        guard candidate > network, let alias = IPPrefix(address: IPAddress(number: candidate), length: prefix.length)
        else {
            return .none("every host address of the /\(prefix.length) is in use")
        }
        return .alias(alias)
    }
}
