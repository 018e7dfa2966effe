import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

/// Routes that an engine, or its user, made by ip(8): they are there again after the VM, to the letter.
@Suite(.needsRoot) struct RouteTests {
    /// eth0 and eth1, of both families, each with its network.
    private func inWorld(_ script: String, _ body: (NetworkPlan) throws -> Void) throws {
        try inNewNamespace {
            let nics = try [UInt8(0), 1].map {
                try makeNIC($0, addresses: ["172.\(16 + $0).0.2/16", "2001:db8:\($0)::2/64"])
            }
            let wire = try makeContainer(nics)
            try sh("ip link set lo up\n\(script)")
            let plan = try Planner.plan(Facts(LiveFacts.read(), container: ContainerFacts()))
            try withExtendedLifetime(wire) { try body(plan) }
        }
    }

    private func table() throws -> String {
        try sh("(ip route; ip -6 route) | sed 's/ linkdown//; /fe80:/d'")
    }

    /// Makes and unmakes the bridges, by a failure too. Returns the plan.
    @discardableResult
    private func expectKept(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> NetworkPlan
    {
        var made = makePlan([])
        try inWorld(script) { plan in
            made = plan
            let before = try table()
            _ = try TapSetup.create(plan: plan, owner: 0)
            _ = try BridgeSetup.create(plan)
            for _ in 0..<2 {
                try BridgeSetup.restore(plan)
                expectSame(try table(), as: before, "restored", sourceLocation: sourceLocation)
            }
            // The loopback can be no port, which shows only after the others have joined.
            var broken = plan
            broken.nics[1].tap = "lo"
            #expect(throws: SystemError.self, sourceLocation: sourceLocation) { try BridgeSetup.create(broken) }
            expectSame(try table(), as: before, "undone", sourceLocation: sourceLocation)
        }
        return made
    }

    @Test("several routes of one metric")
    func equalMetrics() throws {
        let plan = try expectKept(
            """
            ip route add 10.9.0.0/16 via 172.17.0.1; ip route append 10.9.0.0/16 via 172.17.0.9
            ip route add default via 172.16.0.1 metric 100; ip route append default via 172.16.0.9 metric 100
            ip route append default via 172.17.0.1 metric 100
            ip -6 route add default via 2001:db8:0::1; ip -6 route append default via 2001:db8:1::1
            """)
        #expect(plan.warnings.isEmpty)
    }

    @Test("next hops of one route, with one interface and with two")
    func multipath() throws {
        let plan = try expectKept(
            """
            ip route add default nexthop via 172.16.0.1 weight 3 nexthop via 172.17.0.1
            ip route add 10.9.0.0/16 metric 7 nexthop via 172.17.0.1 nexthop via 172.17.0.9
            ip -6 route add default nexthop via 2001:db8:0::1 nexthop via 2001:db8:1::1
            """)
        #expect(plan.nics[0].routes.first?.weight == 3)
        #expect(plan.warnings.count == 2)
    }

    @Test("IPv4 routes with an IPv6 gateway")
    func inet6Gateway() throws {
        try expectKept(
            """
            ip route add 10.60.0.0/16 via inet6 2001:db8:0::1
            ip route add default via inet6 fe80::1 dev eth1
            ip route add 10.61.0.0/16 nexthop via inet6 2001:db8:0::1 nexthop via 172.17.0.1
            """)
    }

    @Test("a route's MTU, the largest segment, and who made it")
    func attributes() throws {
        let plan = try expectKept(
            """
            ip route add default via 172.16.0.1 proto static metric 100 mtu 1400 advmss 1300
            ip route add 10.9.0.0/16 via 172.17.0.1 proto 42; ip -6 route add default via 2001:db8:0::1 proto dhcp mtu 1300
            ip route add 172.17.0.9 dev eth1 proto kernel scope link src 172.17.0.2
            """)
        #expect(plan.nics[0].routes.map(\.mtu) == [1400, 1300])
    }

    @Test("an address without a route to its network, and the route that its owner made")
    func noPrefixRoute() throws {
        try expectKept(
            """
            ip address flush dev eth1
            ip address add 172.17.0.2/16 dev eth1 noprefixroute; ip address add 172.20.0.2/16 dev eth1 noprefixroute
            ip -6 address add 2001:db8:1::2/64 dev eth1 nodad noprefixroute
            ip route add 172.17.0.0/16 dev eth1 proto kernel scope link src 172.17.0.2 metric 50
            ip -6 route add 2001:db8:1::/80 dev eth1; ip route add 10.9.0.0/16 via 172.17.0.1
            """)
    }

    @Test("routes that refuse, which are no interface's, stay while the VM runs")
    func refusing() throws {
        try inWorld(
            """
            ip route add unreachable 10.9.0.0/16; ip route add blackhole 10.8.0.0/16 metric 3
            ip route add prohibit default metric 9; ip -6 route add unreachable fd99::/64
            """
        ) { plan in
            func refusals() throws -> String { try sh("(ip route; ip -6 route) | grep -E '^(unr|bla|pro)'") }
            let before = (try table(), try refusals())
            _ = try TapSetup.create(plan: plan, owner: 0)
            _ = try BridgeSetup.create(plan)
            #expect(try refusals() == before.1)
            try BridgeSetup.restore(plan)
            expectSame(try table(), as: before.0, "restored")
        }
    }

    @Test("routes of one metric are set once each, in their order")
    func ensure() throws {
        try inWorld("") { plan in
            let netlink = try NetlinkSocket()
            let port = try #require(try netlink.link(named: "eth0"))
            let routes = ["172.16.0.1", "172.16.0.9", "2001:db8:0::1", "2001:db8:0::9"].map {
                Route(to: "default", via: IPAddress($0), metric: 5).linkRoute(on: port)
            }
            for route in routes + routes { try netlink.ensureRoute(route) }
            let found = try netlink.routes().filter(\.isDefault)
            #expect(found.map(\.gateway) == routes.map(\.gateway))
        }
    }
}
