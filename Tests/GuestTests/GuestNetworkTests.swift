import CLinux
import Glibc
import Linux
import Netlink
import Plan
import Testing

@testable import Guest

@Suite struct GuestNetworkTests {
    private func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

    @Test(
        "a prefix has a network and a broadcast address",
        arguments: [
            ("172.17.5.2/16", [172, 17, 0, 0], [172, 17, 255, 255]),
            ("10.0.0.130/25", [10, 0, 0, 128], [10, 0, 0, 255]),
            ("10.0.0.1/31", [10, 0, 0, 0], [10, 0, 0, 1]),
        ] as [(String, [UInt8], [UInt8])])
    func masks(text: String, network: [UInt8], broadcast: [UInt8]) throws {
        #expect(try prefix(text).network == network)
        #expect(try prefix(text).broadcast == broadcast)
    }

    @Test("IPv4 gets a broadcast address below /31, IPv6 no duplicate address detection")
    func addresses() throws {
        #expect(LinkAddress(try prefix("10.0.0.2/24"), link: 2).broadcast == [10, 0, 0, 255])
        #expect(LinkAddress(try prefix("10.0.0.2/31"), link: 2).broadcast == nil)
        let address = LinkAddress(try prefix("fd00::2/64"), link: 2)
        #expect(address.broadcast == nil)
        #expect(address.flags == LinkAddress.noDAD)
    }

    @Test("a NIC's own table has its networks first, then its routes of that family")
    func replies() throws {
        let nic = NIC(
            name: "eth0", tap: "tap-eth0", guestMAC: try #require(MACAddress("02:42:ac:11:00:02")), mtu: 1500,
            attach: Attachment(model: .bridge), addresses: [try prefix("10.1.2.3/16"), try prefix("fd00::3/64")],
            routes: [
                Route(to: "default", via: IPAddress("10.1.0.1"), metric: 5),
                Route(to: "default", via: IPAddress("fd00::1")),
                Route(to: "10.9.0.0/16", scope: "link"),
            ])
        let routes = ReplyRoutes.routes(of: nic, isIPv6: false, link: 3, table: 101)
        #expect(
            routes == [
                LinkRoute(
                    isIPv6: false, destination: [10, 1, 0, 0], prefixLength: 16, link: 3, source: [10, 1, 2, 3],
                    table: 101),
                LinkRoute(isIPv6: false, gateway: [10, 1, 0, 1], link: 3, metric: 5, table: 101),
                LinkRoute(
                    isIPv6: false, destination: [10, 9, 0, 0], prefixLength: 16, link: 3, scope: LinkRoute.scopeLink,
                    table: 101),
            ])
    }

    /// Runs `body` with the calling thread in a new network namespace.
    private func inNewNamespace(_ body: () throws -> Void) throws {
        let home = try Descriptor(opening: "/proc/thread-self/ns/net", O_RDONLY)
        try check(linux_unshare(LINUX_CLONE_NEWNET), "unshare", on: "network namespace")
        let result = Result { try body() }
        try check(linux_setns(home.raw, LINUX_CLONE_NEWNET), "setns", on: home.name)
        try result.get()
    }

    /// The words of ip(8) after `ip`; its lines without the kernel's own routes and the spaces around them.
    private func ip(_ words: String) throws -> [String] {
        let outcome = try ChildProcess("/sbin/ip", words.split(separator: " ").map(String.init)).run()
        #expect(outcome.status == 0, "ip \(words): \(outcome.errors)")
        return String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").filter {
            !$0.contains("fe80:")
        }.map { String($0.drop { $0 == "\t" }.reversed().drop { $0 == " " }.reversed()) }
    }

    @Test("the guest's routes are the plan's, none is lost or made another", .enabled(if: geteuid() == 0, "needs root"))
    func routes() throws {
        func route(_ to: String, _ via: String?, metric: UInt32? = nil) -> Route {
            Route(to: to, via: via.flatMap { IPAddress($0) }, metric: metric, scope: via == nil ? "link" : nil)
        }
        let (first, second) = (
            try #require(MACAddress("02:42:ac:11:00:02")), try #require(MACAddress("02:42:ac:11:00:03"))
        )
        func nic(_ name: String, _ mac: MACAddress, _ addresses: [String], _ routes: [Route]) throws -> NIC {
            NIC(
                name: name, tap: "tap-\(name)", guestMAC: mac, mtu: 1500, attach: Attachment(model: .bridge),
                addresses: try addresses.map(prefix), routes: routes)
        }
        var nics = [
            try nic("eth0", first, ["10.1.0.2/16", "fd00::2/64"], Self.routes(route)),
            try nic(
                "eth1", second, ["10.2.0.2/16", "fd01::2/64"],
                [
                    route("default", "10.2.0.1", metric: 5), route("default", "fd01::1"),
                ]),
        ]
        nics[1].addresses.append(try prefix("10.3.0.2/16"))
        nics[1].noPrefixRoute = [try prefix("10.3.0.2/16")]
        try inNewNamespace {
            for (number, mac) in DerivedMAC.devices(of: nics).enumerated() {
                _ = try ip("link add dev v\(number) address \(mac) type veth peer name p\(number)")
                _ = try ip("link set p\(number) up")
            }
            for _ in 0..<2 { try GuestNetwork.configure(nics) }
            #expect(try ip("-4 route") == Self.fourth)
            #expect(try ip("-6 route") == Self.sixth)
        }
    }

    private static func routes(_ route: (String, String?, UInt32?) -> Route) -> [Route] {
        var small = route("10.8.0.0/16", "10.1.0.1", nil)
        (small.mtu, small.advmss) = (1400, 1300)
        return [
            small,
            route("10.9.0.0/16", nil, nil), route("default", "10.1.0.1", 5), route("default", "10.1.0.9", 5),
            route("default", "fd00::1", nil), route("10.60.0.0/16", "fd00::1", nil),
        ]
    }

    private static let fourth = [
        "default via 10.1.0.1 dev eth0 metric 5", "default via 10.1.0.9 dev eth0 metric 5",
        "default via 10.2.0.1 dev eth1 metric 5", "10.1.0.0/16 dev eth0 proto kernel scope link src 10.1.0.2",
        "10.2.0.0/16 dev eth1 proto kernel scope link src 10.2.0.2",
        "10.8.0.0/16 via 10.1.0.1 dev eth0 mtu 1400 advmss 1300", "10.9.0.0/16 dev eth0 scope link",
        "10.60.0.0/16 via inet6 fd00::1 dev eth0",
    ]

    private static let sixth = [
        "fd00::/64 dev eth0 proto kernel metric 256 pref medium",
        "fd01::/64 dev eth1 proto kernel metric 256 pref medium", "default metric 1024 pref medium",
        "nexthop via fd00::1 dev eth0 weight 1", "nexthop via fd01::1 dev eth1 weight 1",
    ]
}
