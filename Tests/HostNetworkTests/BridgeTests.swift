import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

@Suite(.needsRoot) struct BridgeTests {
    /// Makes and unmakes taps and bridges of a plan, and expects the namespace to be as before.
    private func roundTrip(_ nics: [NIC], _ between: (NetworkPlan) throws -> Void = { _ in }) throws {
        try inNewNamespace {
            let wire = try makeContainer(nics)
            let plan = makePlan(nics)
            let before = try Snapshot()
            let taps = try TapSetup.create(plan: plan, owner: 1234)
            _ = try BridgeSetup.create(plan)
            try between(plan)
            try BridgeSetup.restore(plan)
            try TapSetup.delete(plan: plan, records: taps)
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    private func defaultRoute(via: String) -> Route { Route(to: "default", via: IPAddress(via)) }

    @Test("addresses leave the port, and come back with their routes")
    func common() throws {
        let routes = [
            Route(to: "10.9.0.0/16", scope: "link"),
            Route(to: "10.0.0.0/8", via: IPAddress("10.9.0.1"), metric: 7),
            defaultRoute(via: "172.16.0.1"),
            Route(
                to: "default", via: IPAddress("192.0.2.1"), metric: 100, onlink: true, source: IPAddress("172.16.0.2")),
        ]
        try roundTrip([makeNIC(routes: routes)]) { plan in
            let facts = try LiveFacts.read()
            let port = try #require(facts.links.first { $0.name == "eth0" })
            #expect(port.addresses.isEmpty)
            #expect(port.mac == plan.nics[0].attach.portMAC)
            #expect(port.master == "br-eth0")
            let bridge = try #require(facts.links.first { $0.name == "br-eth0" })
            #expect(bridge.addresses.map(\.description) == ["172.16.255.254/16"])
            #expect(bridge.mac == DerivedMAC.bridge(for: plan.nics[0].guestMAC))
            #expect(facts.links.first { $0.name == "tap-eth0" }?.master == "br-eth0")
            #expect(facts.neighbors.map(\.ip.description) == ["172.16.0.2"])
            #expect(facts.routes.map { $0.destination?.description } == ["172.16.0.0/16"])
        }
    }

    @Test("IPv6 addresses and routes come back")
    func ipv6() throws {
        let routes = [
            defaultRoute(via: "172.16.0.1"), defaultRoute(via: "2001:db8::1"),
            Route(to: "2001:db8:9::/48", via: IPAddress("2001:db8::9"), metric: 5),
        ]
        try roundTrip([makeNIC(addresses: ["172.16.0.2/16", "2001:db8::2/64"], routes: routes)]) { _ in
            let addresses = try LiveFacts.read().links.flatMap(\.addresses)
            #expect(!addresses.contains { $0.address.isIPv6 })
        }
    }

    @Test("a connected route that another had replaced is the other one again")
    func replacedRoute() throws {
        let routes = [
            Route(to: "172.16.0.1/32", scope: "link"),
            Route(to: "172.16.0.0/16", via: IPAddress("172.16.0.1"), source: IPAddress("172.16.0.2")),
            defaultRoute(via: "172.16.0.1"),
            Route(to: "2001:db8::1/128"),
            Route(to: "2001:db8::/64", via: IPAddress("2001:db8::1"), metric: 1024),
        ]
        let nic = try makeNIC(addresses: ["172.16.0.2/16", "2001:db8::2/64"], routes: routes)
        try roundTrip([nic])
        // makeContainer makes them as the guest does: there is none beside it.
        try inNewNamespace {
            let wire = try makeContainer([nic])
            let networks =
                try LiveFacts.read().routes.filter { $0.destination?.length == nic.addresses[0].length }
                + LiveFacts.read().routes.filter { $0.destination == IPPrefix("2001:db8::/64") }
            #expect(networks.map { $0.gateway?.description } == ["172.16.0.1", "2001:db8::1"])
            _ = wire
        }
    }

    @Test("permanent neighbours come back")
    func neighbors() throws {
        var nic = try makeNIC(addresses: ["172.16.0.2/16", "2001:db8::2/64"])
        let mac = try #require(MACAddress("02:42:00:00:00:09"))
        nic.neighbors = [
            Neighbor(ip: try #require(IPAddress("172.16.0.9")), mac: mac),
            Neighbor(ip: try #require(IPAddress("2001:db8::9")), mac: mac),
        ]
        try roundTrip([nic]) { _ in
            let neighbors = try LiveFacts.read().neighbors
            #expect(neighbors.map(\.dev) == ["br-eth0"])
        }
    }

    @Test("an interface on which IPv6 was off stays so")
    func ipv6Off() throws {
        try inNewNamespace {
            let nics = [try makeNIC()]
            let wire = try makeContainer(nics)
            try Descriptor(opening: "/proc/sys/net/ipv6/conf/eth0/disable_ipv6", O_WRONLY).writeAll([0x31])
            let before = try Snapshot()
            _ = try TapSetup.create(plan: makePlan(nics), owner: 0)
            _ = try BridgeSetup.create(makePlan(nics))
            try BridgeSetup.restore(makePlan(nics))
            try TapSetup.delete(plan: makePlan(nics), records: nil)
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    @Test("twelve interfaces")
    func twelve() throws {
        try roundTrip((0..<12).map { try makeNIC(UInt8($0), routes: [Route(to: "10.\($0).0.0/16", scope: "link")]) })
    }

    @Test("the MTU is that of the network", arguments: [1400, 9000])
    func mtu(mtu: Int) throws {
        try roundTrip([makeNIC(mtu: mtu)]) { _ in
            let links = try LiveFacts.read().links.filter { !$0.isLoopback }.filter { $0.name.hasSuffix("eth0") }
            #expect(links.map(\.mtu) == [mtu, mtu, mtu])
        }
    }

    @Test("names of 15 characters")
    func longNames() throws {
        try roundTrip([makeNIC(name: "abcdefghijklmno", tap: "tap-abcdefghijk", bridge: "br-abcdefghijkl")])
    }

    @Test("a /31 has no alias")
    func slash31() throws {
        try roundTrip([makeNIC(addresses: ["192.0.2.0/31"], alias: nil)]) { _ in
            let bridge = try LiveFacts.read().links.first { $0.name == "br-eth0" }
            #expect(bridge?.addresses == [])
        }
    }

    @Test("interfaces made in another order than their names")
    func swapped() throws {
        try roundTrip([makeNIC(1), makeNIC(0)])
    }

    @Test("create may run twice, and gives the same records")
    func createTwice() throws {
        try roundTrip([makeNIC(0, addresses: ["172.16.0.2/16", "2001:db8::2/64"]), makeNIC(1)]) { plan in
            let once = try Snapshot()
            let taps = try TapSetup.create(plan: plan, owner: 1234)
            let bridges = try BridgeSetup.create(plan)
            try expectUnchanged(since: once)
            #expect(taps.map(\.name) == ["tap-eth0", "tap-eth1"])
            #expect(bridges.map(\.ports) == [["eth0", "tap-eth0"], ["eth1", "tap-eth1"]])
            #expect(try BridgeSetup.create(plan) == bridges)
        }
    }

    @Test("restore may run twice")
    func restoreTwice() throws {
        try roundTrip([makeNIC(routes: [defaultRoute(via: "172.16.0.1")])]) { plan in
            try BridgeSetup.restore(plan)
        }
    }

    @Test("restore changes nothing where nothing was made")
    func restoreOnly() throws {
        try inNewNamespace {
            let nics = [try makeNIC(addresses: ["172.16.0.2/16", "2001:db8::2/64"])]
            let wire = try makeContainer(nics)
            let before = try Snapshot()
            try BridgeSetup.restore(makePlan(nics))
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    @Test("restore puts right what a crash left half made")
    func half() throws {
        try roundTrip([makeNIC(0), makeNIC(1), makeNIC(2)]) { _ in
            // eth0: the bridge is gone; eth1: the tap is gone; eth2: it left the bridge and is down.
            let netlink = try NetlinkSocket()
            try netlink.perform(.deleteLink(#require(try netlink.link(named: "br-eth0"))))
            try netlink.perform(.deleteLink(#require(try netlink.link(named: "tap-eth1"))))
            let port = try #require(try netlink.link(named: "eth2"))
            try netlink.perform(.setMaster(port, nil))
            try netlink.perform(.setDown(port))
        }
    }

    @Test("restore in a namespace that lost everything is fine")
    func allGone() throws {
        try inNewNamespace {
            try BridgeSetup.restore(makePlan([makeNIC()]))
            try TapSetup.delete(plan: makePlan([makeNIC()]), records: nil)
        }
    }

    @Test("a failure at the second interface undoes the first")
    func failureInTheMiddle() throws {
        try inNewNamespace {
            let routes = [
                defaultRoute(via: "172.16.0.1"), Route(to: "192.0.2.0/24", scope: "link"),
                defaultRoute(via: "2001:db8::1"),
            ]
            let first = try makeNIC(0, addresses: ["172.16.0.2/16", "2001:db8::2/64"], routes: routes)
            let plan = makePlan([first, try makeNIC(1)])
            let wire = try makeContainer([first])
            _ = try TapSetup.create(plan: plan, owner: 0)
            let before = try Snapshot()
            let error = #expect(throws: SystemError.self) { try BridgeSetup.create(plan) }
            #expect(error?.errno == .noDevice)
            #expect(error?.subject == "eth1")
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    @Test("a failure after the port was taken puts everything back")
    func failureLate() throws {
        try inNewNamespace {
            var nic = try makeNIC(
                addresses: ["172.16.0.2/16", "2001:db8::2/64"], routes: [defaultRoute(via: "172.16.0.1")])
            let wire = try makeContainer([nic])
            _ = try TapSetup.create(plan: makePlan([nic]), owner: 0)
            let before = try Snapshot()
            // The loopback can be no port (EINVAL), which shows only after the real port has joined.
            nic.tap = "lo"
            #expect(throws: SystemError.self) { try BridgeSetup.create(makePlan([nic])) }
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    @Test("a second run that fails leaves what the first made")
    func failureAgain() throws {
        try inNewNamespace {
            let nics = [
                try makeNIC(addresses: ["172.16.0.2/16", "2001:db8::2/64"], routes: [defaultRoute(via: "172.16.0.1")]),
                try makeNIC(1),
            ]
            let wire = try makeContainer(nics)
            _ = try TapSetup.create(plan: makePlan(nics), owner: 0)
            _ = try BridgeSetup.create(makePlan(nics))
            try sh("ip link delete tap-eth1")
            let before = try namespaceText()
            #expect(throws: SystemError.self) { try BridgeSetup.create(makePlan(nics)) }
            expectSame(try namespaceText(), as: before, "undone")
            _ = wire
        }
    }
}
