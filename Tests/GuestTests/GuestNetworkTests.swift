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
}
