import FoundationEssentials
import Linux
import Netlink
import Plan
import Testing

@testable import HostNetwork

@Suite(.needsRoot) struct LiveFactsTests {
    @Test("links, routes and neighbours by name")
    func read() throws {
        try inNewNamespace {
            let nic = try makeNIC(
                addresses: ["172.16.0.2/16", "2001:db8::2/64"],
                routes: [Route(to: "default", via: IPAddress("172.16.0.1"), metric: 5, source: IPAddress("172.16.0.2"))]
            )
            let wire = try makeContainer([nic])
            let netlink = try NetlinkSocket()
            let port = try #require(try netlink.link(named: "eth0"))
            try netlink.perform(.ensureNeighbor([172, 16, 0, 9], mac: [2, 0, 0, 0, 0, 9], on: port))

            let facts = try LiveFacts.read()
            let lo = try #require(facts.links.first)
            #expect(lo.name == "lo" && lo.isLoopback && lo.kind == "device")
            let eth0 = try #require(facts.links.first { $0.name == "eth0" })
            #expect(eth0.kind == "veth")
            #expect(eth0.mac == nic.guestMAC)
            #expect(eth0.addresses.filter { !$0.address.isLinkLocalIPv6 } == nic.addresses)
            let gateway = try #require(facts.routes.first { $0.destination == nil })
            #expect(gateway.gateway == IPAddress("172.16.0.1") && gateway.dev == "eth0" && gateway.metric == 5)
            #expect(gateway.source == IPAddress("172.16.0.2") && gateway.proto == "boot")
            let connected = try #require(facts.routes.first { $0.destination == IPPrefix("172.16.0.0/16") })
            #expect(connected.proto == "kernel" && connected.scope == "link")
            #expect(facts.routes.contains { $0.destination == IPPrefix("2001:db8::/64") && $0.family == 6 })
            #expect(facts.neighbors.map(\.ip.description) == ["172.16.0.9"])
            // It stands in a document.
            #expect(try JSONDecoder().decode(LiveFacts.self, from: JSONEncoder().encode(facts)) == facts)
            _ = wire
        }
    }

    @Test("each next hop of a multipath route is listed")
    func multipath() {
        let hops = [UInt8(1), 3].map {
            LinkRoute.NextHop(gateway: [10, 0, 0, $0], link: Int32($0), weight: Int($0))
        }
        let routes = LiveRoute.all(LinkRoute(isIPv6: false, link: nil, metric: 5, nextHops: hops), [1: "a", 3: "c"])
        #expect(routes.map(\.dev) == ["a", "c"])
        #expect(routes.map { $0.gateway?.description } == ["10.0.0.1", "10.0.0.3"])
        #expect(routes.map(\.weight) == [1, 3] && routes.allSatisfy { $0.destination == nil })
    }

    @Test("requests that the kernel refuses, or that are done already")
    func requests() throws {
        try inNewNamespace {
            let netlink = try NetlinkSocket()
            let error = #expect(throws: SystemError.self) {
                try netlink.perform(.createBridge("a-name-that-is-too-long", mac: [2, 0, 0, 0, 0, 1], mtu: 1500))
            }
            #expect(error?.call == "RTM_NEWLINK")
            #expect(error?.remedy?.isEmpty == false)
            try netlink.perform(.createVeth("a", peer: "b"))
            #expect(throws: SystemError.self) { try netlink.perform(.createVeth("a", peer: "c")) }
            let link = try #require(try netlink.link(named: "a"))
            try netlink.perform(.rename(link, to: "fifteen-letters"))
            #expect(try netlink.link(named: "fifteen-letters")?.index == link.index)
            let rules = [
                PolicyRule(isIPv6: false, source: [10, 0, 0, 2], prefixLength: 32, table: 1001, priority: 99),
                PolicyRule(
                    isIPv6: true, source: [0x20, 1] + [UInt8](repeating: 0, count: 14), prefixLength: 64, table: 7,
                    priority: 98),
            ]
            for rule in rules {
                for _ in 0..<2 { try netlink.perform(.ensureRule(rule)) }
                #expect(throws: SystemError.self) { try netlink.perform(.createRule(rule)) }
                #expect(try netlink.rules().filter { $0 == rule }.count == 1)
                for _ in 0..<2 { try netlink.perform(.deleteRule(rule)) }
                #expect(try !netlink.rules().contains(rule))
            }
            try netlink.perform(.setUp(link))
            try netlink.perform(.setUp(#require(try netlink.link(named: "b"))))
            let address = LinkAddress(link: link.index, address: [10, 0, 0, 2], prefixLength: 24)
            try netlink.perform(.createAddress(address, on: link))
            let hops = [UInt8(1), 3].map { LinkRoute.NextHop(gateway: [10, 0, 0, $0], link: link.index) }
            try netlink.perform(.createRoute(LinkRoute(isIPv6: false, link: nil, metric: 5, nextHops: hops)))
            let multipath = try netlink.routes().first { $0.isDefault }
            #expect(multipath?.nextHops == hops)
            for _ in 0..<2 { try netlink.perform(.deleteLink(link)) }
            #expect(try netlink.links().map(\.name) == ["lo"])
        }
    }
}
