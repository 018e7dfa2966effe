/// The address by which a container's namespace reaches its own VM: the subnet's broadcast address less one.
struct AliasPlanner {
    enum Choice {
        case alias(IPPrefix)
        case none(String)

        var alias: IPPrefix? { if case .alias(let alias) = self { alias } else { nil } }
        var omitted: String? { if case .none(let reason) = self { reason } else { nil } }
    }

    /// Every IPv4 address that somebody is known to have, and the aliases that were chosen.
    private var taken: Set<UInt32>
    /// The networks behind each link or a gateway: there the guest would look for the alias in the wrong place.
    private let elsewhere: [(dev: String?, block: IPPrefix)]

    init(facts: Facts) {
        let addresses =
            facts.links.flatMap(\.addresses).map(\.address) + facts.routes.compactMap(\.via)
            + facts.routes.compactMap(\.source) + facts.neighbors.map(\.ip) + facts.nameServers
            + (facts.host.addresses ?? []).map(\.address)
        taken = Set(addresses.compactMap(\.number))
        elsewhere =
            facts.links.flatMap { link in link.addresses.map { (link.name, $0) } }
            + facts.routes.compactMap { route in
                route.destination.map { (route.via == nil && $0.length < 32 ? route.dev : nil, $0) }
            }
    }

    /// Steps down from the highest host address of the link's first IPv4 subnet that has one to spare.
    mutating func alias(for link: LinkFact) -> Choice {
        let prefixes = link.addresses.filter { !$0.address.isIPv6 }
        guard let first = prefixes.first else { return .none("the interface has no IPv4 address") }
        for prefix in prefixes {
            guard (1...30).contains(prefix.length), let number = free(in: prefix, of: link.name) else { continue }
            taken.insert(number)
            guard let alias = IPPrefix(address: IPAddress(number: number), length: prefix.length) else { continue }
            return .alias(alias)
        }
        let spare = (1...30).contains(first.length)
        return .none(
            spare ? "every host address of the /\(first.length) is in use" : "a /\(first.length) has no spare address")
    }

    private func free(in prefix: IPPrefix, of link: String) -> UInt32? {
        let subnet = prefix.numbers
        let others = elsewhere.filter { dev, block in
            dev != link && block.length > prefix.length && prefix.contains(block.address)
        }
        let excluded = others.map(\.block.numbers) + taken.filter(subnet.contains).map { $0...$0 }
        var candidate = subnet.upperBound - 1
        // From the highest on: what ends above the candidate, and does not contain it, never will.
        for range in excluded.sorted(by: { $0.upperBound > $1.upperBound }) where range.contains(candidate) {
            if range.lowerBound <= subnet.lowerBound { return nil }
            candidate = range.lowerBound - 1
        }
        return candidate > subnet.lowerBound ? candidate : nil
    }
}

extension IPPrefix {
    /// An IPv4 network's addresses as numbers, from its own to the broadcast address.
    fileprivate var numbers: ClosedRange<UInt32> {
        let number = address.number ?? 0
        let hosts = UInt32(UInt64(0xffff_ffff) >> UInt64(min(length, 32)))
        return number & ~hosts...number | hosts
    }
}
