import Netlink

/// The way out of a namespace.
public struct Uplink: Hashable, Sendable {
    public var dev: String
    /// The link's, or the route's where that is less; in bytes.
    public var mtu: Int

    /// The link by which the calling thread's namespace reaches the world: the kernel's own choice, which knows of policy
    /// rules and of VPNs that halve the default route; else the IPv4 or IPv6 default route with the lowest metric.
    public static func read() throws -> Uplink? {
        let netlink = try NetlinkSocket()
        let way = try netlink.route(to: somewhere) ?? choose(try netlink.routes().filter(\.isDefault))
        guard let way, let link = try netlink.links().first(where: { $0.index == way.link }), link.name != "lo" else {
            return nil
        }
        return Uplink(dev: link.name, mtu: min(link.mtu, way.mtu.map(Int.init) ?? link.mtu))
    }

    /// Any address that is far away; nothing is sent to it.
    private static let somewhere: [UInt8] = [1, 1, 1, 1]

    static func choose(_ defaults: [LinkRoute]) -> (link: Int32, mtu: UInt32?)? {
        for isIPv6 in [false, true] {
            let best = defaults.filter { $0.isIPv6 == isIPv6 }.min { ($0.metric ?? 0) < ($1.metric ?? 0) }
            if let link = best?.link ?? best?.nextHops.first?.link { return (link, best?.mtu) }
        }
        return nil
    }
}
