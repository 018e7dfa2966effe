import Linux

/// What a namespace has, as a dry run thinks of it: read once from the kernel, then changed by what is only said.
///
/// It knows of a change as much as what is read after it must see.
public struct NetworkTables: Equatable, Sendable {
    public var links: [Link]
    public var addresses: [LinkAddress]
    /// Of every table.
    public var routes: [LinkRoute]
    public var neighbors: [LinkNeighbor]
    public var rules: [PolicyRule]
    /// Of the links that have any, or have place for some.
    var filters: [Int32: [IngressFilter.Summary]] = [:]
    /// The links on which a secondary address outlives its primary one (promote_secondaries of ip-sysctl.rst).
    var promoting: Set<Int32> = []

    init(_ netlink: NetlinkSocket) throws {
        links = try netlink.readLinks()
        addresses = try netlink.readAddresses()
        routes = try netlink.readRoutes()
        neighbors = try netlink.readNeighbors()
        rules = try netlink.readRules()
        for link in links {
            let all = try netlink.readIngressFilters(of: link)
            if !all.isEmpty { filters[link.index] = all }
        }
        func promotes(_ name: String) throws -> Bool {
            let path = "/proc/sys/net/ipv4/conf/\(name)/promote_secondaries"
            return try Files.exists(path) && Files.readText(path).hasPrefix("1")
        }
        let all = try promotes("all")
        promoting = Set(try links.filter { try all || promotes($0.name) }.map(\.index))
    }

    func name(of link: Int32) -> String { links.first { $0.index == link }?.name ?? "if\(link)" }

    /// The kernel chooses the index; until then any will do that no other link has.
    public mutating func add(_ link: Link) {
        var link = link
        link.index = (links.map(\.index).max() ?? 0) + 1
        links.append(link)
    }

    mutating func change(_ index: Int32, _ change: (inout Link) -> Void) {
        for place in links.indices where links[place].index == index { change(&links[place]) }
    }

    mutating func deleteLink(_ index: Int32) {
        links.removeAll { $0.index == index }
        addresses.removeAll { $0.link == index }
        routes.removeAll { $0.link == index }
        neighbors.removeAll { $0.link == index }
        filters[index] = nil
        for place in links.indices where links[place].master == index { links[place].master = nil }
    }

    /// Routes go with their link's being up, and with IPv6 its addresses.
    mutating func setDown(_ index: Int32) {
        change(index) { $0.flags &= ~Link.up }
        turnOffIPv6(index)
        routes.removeAll { $0.link == index }
    }

    public mutating func turnOffIPv6(_ index: Int32) {
        addresses.removeAll { $0.link == index && $0.isIPv6 }
        routes.removeAll { $0.link == index && $0.isIPv6 }
    }

    /// A link with another MAC, or that no longer asks by ARP, has no neighbours.
    mutating func setMAC(_ index: Int32, _ mac: [UInt8]) {
        guard links.contains(where: { $0.index == index && $0.address != mac }) else { return }
        change(index) { $0.address = mac }
        neighbors.removeAll { $0.link == index }
    }

    mutating func setARP(_ index: Int32, _ on: Bool) {
        guard links.contains(where: { $0.index == index && ($0.flags & Link.noARP == 0) != on }) else { return }
        change(index) { $0.flags ^= Link.noARP }
        neighbors.removeAll { $0.link == index }
    }

    /// A bridge's MTU is the least of its ports'.
    mutating func setMaster(_ index: Int32, _ master: Link?) {
        change(index) { $0.master = master?.index }
        guard let master, master.kind == "bridge" else { return }
        let least = links.filter { $0.master == master.index }.map(\.mtu).min()
        change(master.index) { $0.mtu = least ?? $0.mtu }
    }

    mutating func add(_ address: LinkAddress) {
        if !addresses.contains(where: address.isSame) { addresses.append(address) }
    }

    /// With the last IPv4 address every IPv4 route of the link goes, with a primary one its secondary ones.
    mutating func delete(_ address: LinkAddress) {
        guard let found = addresses.first(where: address.isSame) else { return }
        let link = address.link
        addresses.removeAll(where: address.isSame)
        if !found.isIPv6, !found.isSecondary, !promoting.contains(link) {
            addresses.removeAll { $0.link == link && $0.isSecondary && $0.isInSubnet(of: found) }
        }
        let hasIPv4 = addresses.contains { $0.link == link && !$0.isIPv6 }
        routes.removeAll { route in
            guard route.link == link, route.isIPv6 == found.isIPv6 else { return false }
            return !found.isIPv6 && (!hasIPv4 || route.source == found.address)
        }
    }

    mutating func add(_ route: LinkRoute) {
        if !routes.contains(where: { route.isInPlace($0) && route.ways == $0.ways }) { routes.append(route) }
    }

    mutating func replace(_ route: LinkRoute) {
        routes.removeAll(where: route.isInPlace)
        routes.append(route)
    }

    mutating func delete(_ route: LinkRoute) {
        routes.removeAll { route.isInPlace($0) && route.ways == $0.ways }
    }

    mutating func replace(_ neighbor: LinkNeighbor) {
        if neighbors.contains(neighbor) { return }
        deleteNeighbor(neighbor.address, on: neighbor.link)
        neighbors.append(neighbor)
    }

    mutating func deleteNeighbor(_ address: [UInt8], on link: Int32) {
        neighbors.removeAll { $0.link == link && $0.address == address }
    }
}

extension LinkAddress {
    fileprivate func isSame(_ other: LinkAddress) -> Bool {
        link == other.link && address == other.address && prefixLength == other.prefixLength && peer == other.peer
    }

    /// IFA_F_SECONDARY, which for IPv6 means something else.
    fileprivate var isSecondary: Bool { !isIPv6 && flags & 1 != 0 }

    fileprivate func isInSubnet(of other: LinkAddress) -> Bool {
        prefixLength == other.prefixLength && network == other.network
    }
}
