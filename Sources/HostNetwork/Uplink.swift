import Netlink

/// The way out of a namespace.
public struct Uplink: Hashable, Sendable {
    public var dev: String
    /// In bytes.
    public var mtu: Int

    /// The link of the calling thread's IPv4 (else IPv6) default route with the lowest metric; nil where there is none.
    public static func read() throws -> Uplink? {
        // ip route show default
        let netlink = try NetlinkSocket()
        let defaults = try netlink.routes().filter(\.isDefault)
        guard let index = choose(defaults), let link = try netlink.links().first(where: { $0.index == index }) else {
            return nil
        }
        return Uplink(dev: link.name, mtu: link.mtu)
    }

    static func choose(_ defaults: [LinkRoute]) -> Int32? {
        for isIPv6 in [false, true] {
            let best = defaults.filter { $0.isIPv6 == isIPv6 }.min { ($0.metric ?? 0) < ($1.metric ?? 0) }
            if let link = best?.link ?? best?.nextHops.first?.link { return link }
        }
        return nil
    }
}
