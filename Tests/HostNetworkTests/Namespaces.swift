import CLinux
import Glibc
import Linux
import Netlink
import Plan
import Testing

@testable import HostNetwork
@testable import Netlink

/// Runs `body` with the calling thread in a new network namespace, which goes afterwards.
///
/// The tests are synchronous, so a test stays on its thread and `#expect` works inside.
func inNewNamespace(_ body: () throws -> Void) throws { try newNamespace().run(body) }

func newNamespace() throws -> NetworkNamespace {
    let home = try Descriptor(opening: "/proc/thread-self/ns/net", O_RDONLY)
    try check(linux_unshare(LINUX_CLONE_NEWNET), "unshare", on: "network namespace")
    let new = Result { try NetworkNamespace.current() }
    try check(linux_setns(home.raw, LINUX_CLONE_NEWNET), "setns", on: home.name)
    return try new.get()
}

extension Trait where Self == ConditionTrait {
    static var needsRoot: Self { .enabled(if: geteuid() == 0, "needs root") }
}

/// Everything in the calling thread's namespace that a verb may change.
struct Snapshot: Equatable {
    var links: Set<Link>
    var addresses: Set<LinkAddress>
    var routes: Set<LinkRoute>
    var neighbors: Set<LinkNeighbor>
    var rules: [PolicyRule]
    var ipv6: [String: [String]]

    init() throws {
        let netlink = try NetlinkSocket()
        // The kernel reports a carrier and the end of duplicate address detection when it comes to it.
        let passing: UInt32 = 0x10040  // IFF_LOWER_UP, IFF_RUNNING
        let all = try netlink.links()
        links = Set(
            all.map {
                var link = $0
                link.flags &= ~passing
                return link
            })
        addresses = Set(
            try netlink.addresses().map {
                var address = $0
                address.flags &= ~LinkAddress.tentative & ~LinkAddress.noDAD
                return address
            })
        routes = Set(try netlink.routes())
        neighbors = Set(try netlink.neighbors())
        rules = try netlink.rules()
        ipv6 = [:]
        for link in all {
            guard let setting = try IPv6Setting(of: link.name) else { continue }
            ipv6[link.name] = [setting.disabled, setting.mode ?? "-"]
        }
    }
}

/// A NIC of the plan, named and numbered.
func makeNIC(
    _ number: UInt8 = 0, name: String? = nil, mtu: Int = 1500, addresses: [String]? = nil, routes: [Route] = [],
    alias: String? = "", tap: String? = nil, bridge: String? = nil, routeProtocols: [String]? = nil
) throws -> NIC {
    let name = name ?? "eth\(number)"
    let mac = try #require(MACAddress(bytes: [0x02, 0x42, 0xac, 0x11, number, 0x02]))
    let texts = addresses ?? ["172.\(16 + number).0.2/16"]
    let alias = alias == "" ? "172.\(16 + number).255.254/16" : alias
    return NIC(
        name: name, tap: tap ?? "tap-\(name)", guestMAC: mac, mtu: mtu,
        attach: Attachment(
            model: .bridge, bridge: bridge ?? "br-\(name)", port: name, portMAC: DerivedMAC.port(for: mac)),
        addresses: try texts.map { try #require(IPPrefix($0)) }, routes: routes,
        alias: try alias.map { try #require(IPPrefix($0)) }, routeProtocols: routeProtocols)
}

func makePlan(_ nics: [NIC]) -> NetworkPlan {
    NetworkPlan(mode: .bridge, nics: nics, dns: DNSPlan(resolvConf: nil, relay: []))
}

/// Makes what an engine makes: for each NIC a veth with its MAC, addresses and routes, whose peer `w-NUMBER` stands
/// in a second namespace, the network.
func makeContainer(_ nics: [NIC]) throws -> NetworkNamespace {
    let wire = try newNamespace()
    var (routes, addresses): ([LinkRoute], [LinkAddress]) = ([], [])
    let descriptor = try Descriptor(opening: "/proc/thread-self/ns/net", O_RDONLY)
    for (number, nic) in nics.enumerated() {
        try wire.run {
            let netlink = try NetlinkSocket()
            try netlink.perform(
                .createVeth(
                    "w-\(number)", mtu: nic.mtu, peer: nic.name, peerMAC: nic.guestMAC.bytes,
                    peerNamespace: descriptor.raw))
            // Silent, so that every frame on the wire is the tests' or the namespace's.
            try IPv6Setting.turnOff("w-\(number)")
            let link = try #require(try netlink.link(named: "w-\(number)"))
            try netlink.perform(.setUp(link))
        }
        let netlink = try NetlinkSocket()
        let port = try #require(try netlink.link(named: nic.name))
        try netlink.perform(.setUp(port))
        for address in nic.linkAddresses(on: port) { try netlink.perform(.createAddress(address, on: port)) }
        try waitForLinkLocal(nic.name)
        for neighbor in nic.neighbors ?? [] {
            try netlink.perform(.ensureNeighbor(neighbor.ip.bytes, mac: neighbor.mac.bytes, on: port))
        }
        routes += nic.linkRoutes(on: port)
        addresses += nic.linkAddresses(on: port)
    }
    for route in routes.joined { try NetlinkSocket().ensureRoute(route, beside: addresses) }
    return wire
}

extension NetlinkRequest {
    /// In mode bridge, in the namespace of that descriptor.
    static func createMacvlan(_ name: String, over parent: Link, mac: [UInt8], in namespace: CInt)
        -> NetlinkRequest
    {
        // ip link add NAME link PARENT netns NETNS address MAC type macvlan mode bridge
        NetlinkRequest("RTM_NEWLINK", on: name, RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, as: nil) { body in
            body.putLinkHeader()
            body.attribute(IFLA_IFNAME, name)
            body.attribute(IFLA_LINK, parent.index)
            body.attribute(IFLA_ADDRESS, mac)
            body.attribute(IFLA_NET_NS_FD, namespace)
            body.nest(IFLA_LINKINFO) { info in
                info.attribute(IFLA_INFO_KIND, "macvlan")
                info.nest(IFLA_INFO_DATA) { $0.attribute(1, UInt32(4)) }  // IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE
            }
        }
    }
}
