import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

/// What --dry-run prints is run by sh in one namespace, the verb itself in another that began the same.
@Suite(.needsRoot) struct DryRunTests {
    struct Case: CustomTestStringConvertible {
        var testDescription: String
        var nics: [NIC]
        /// Docker's name server is in resolv.conf, and the gateway answers.
        var hasWayOut = false
        /// A script before anything is made.
        var setup = ""
    }

    static let cases: [Case] = {
        func route(_ to: String, via: String? = nil, metric: UInt32? = nil, source: String? = nil) -> Route {
            Route(
                to: to, via: via.flatMap { IPAddress($0) }, metric: metric, scope: via == nil ? "link" : nil,
                source: source.flatMap { IPAddress($0) })
        }
        var swarm = try? makeNIC()
        let peer = (IPAddress("172.16.0.9"), MACAddress("02:42:0a:00:00:09"))
        if let ip = peer.0, let mac = peer.1 { swarm?.neighbors = [Neighbor(ip: ip, mac: mac)] }
        var onlink = route("default", via: "192.0.2.1", metric: 100, source: "172.16.0.2")
        onlink.onlink = true
        var (hop, hop1) = (
            route("10.9.0.0/16", via: "172.16.0.1"), route("10.9.0.0/16", via: "172.17.0.1")
        )
        (hop.weight, hop1.weight) = (2, 1)
        var small = route("10.0.0.0/8", via: "10.9.0.1", metric: 7)
        (small.mtu, small.advmss) = (1400, 1300)
        let both = ["172.16.0.2/16", "2001:db8::2/64"]
        let promote = "sysctl -qw net.ipv4.conf.all.promote_secondaries="
        let cases: [Case?] = [
            try? Case(
                testDescription: "a default route, a link route, a metric, an MTU, a source, onlink",
                nics: [
                    makeNIC(
                        routes: [route("10.9.0.0/16"), small, route("default", via: "172.16.0.1"), onlink],
                        routeProtocols: ["boot", "static", "boot", "dhcp"])
                ]),
            try? Case(
                testDescription: "both families",
                nics: [
                    makeNIC(
                        addresses: both,
                        routes: [
                            route("default", via: "172.16.0.1"), route("default", via: "2001:db8::1"),
                            route("2001:db8:9::/48", via: "2001:db8::9", metric: 5),
                        ])
                ]),
            try? Case(
                testDescription: "several routes of one metric, next hops",
                nics: [
                    makeNIC(
                        addresses: both,
                        routes: [
                            route("default", via: "172.16.0.1"), route("default", via: "172.16.0.9"),
                            route("default", via: "2001:db8::1"), route("default", via: "2001:db8::9"), hop,
                        ]), makeNIC(1, routes: [hop1]),
                ]),
            try? Case(
                testDescription: "IPv6 only, off on the interface", nics: [makeNIC(addresses: both)],
                setup: "sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.addr_gen_mode=0"),
            try? Case(
                testDescription: "addresses that go with the first of their subnet",
                nics: [makeNIC(addresses: ["172.16.0.2/16", "172.16.0.3/16", "10.0.0.1/8"])], setup: promote + "0"),
            try? Case(
                testDescription: "addresses that outlive the first of their subnet",
                nics: [makeNIC(addresses: ["172.16.0.2/16", "172.16.0.3/16"])], setup: promote + "1"),
            try? Case(testDescription: "three interfaces", nics: (0..<3).map { try makeNIC($0, mtu: 1400) }),
            try? Case(
                testDescription: "names that a shell would not take as they are",
                nics: [makeNIC(name: "a.b$(c)'d", tap: "tap;x", bridge: "br.&")]),
            swarm.map { Case(testDescription: "permanent neighbours", nics: [$0]) },
            try? Case(
                testDescription: "the way out", nics: [makeNIC(routes: [route("default", via: "172.16.0.1")])],
                hasWayOut: true),
        ]
        let unrouted = try? makeNIC(addresses: both, routes: [route("172.16.0.0/17")])
        let last = unrouted.map { nic in
            var nic = nic
            nic.noPrefixRoute = nic.addresses
            return Case(testDescription: "addresses without a route", nics: [nic])
        }
        return (cases + [last]).compactMap { $0 }
    }()

    private func inWorld(_ world: Case, _ body: (NetworkPlan) throws -> Void) throws {
        try inNewNamespace {
            try sh(world.setup)
            let wire = try makeContainer(world.nics)
            var plan = makePlan(world.nics)
            if world.hasWayOut {
                plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
                try wire.run {
                    _ = try sh("ip link set w-0 address 02:42:00:00:00:01; ip address add 172.16.0.1/16 dev w-0")
                }
            }
            try withExtendedLifetime(wire) { try body(plan) }
        }
    }

    /// The verbs of a life, in order.
    private static func steps(_ plan: NetworkPlan) -> [(name: String, run: () throws -> Void)] {
        [
            ("tap-create", { _ = try TapSetup.create(plan: plan, owner: 1234) }),
            ("bridge-alias", { _ = try BridgeSetup.create(plan) { Issue.record("\($0)") } }),
            ("bridge-restore", { try BridgeSetup.restore(plan) }),
            ("tap-delete", { try TapSetup.delete(plan: plan, records: nil) }),
        ]
    }

    /// Undone, the interface gets a fe80:: address when it comes to it.
    private func settled(_ plan: NetworkPlan) throws -> String {
        for nic in plan.nics { try waitForLinkLocal(nic.name) }
        return try namespaceText()
    }

    @Test("its commands make what the verb makes, and the dry run itself changes nothing", arguments: cases)
    func same(_ world: Case) throws {
        var wanted: [String] = []
        try inWorld(world) { plan in
            for step in Self.steps(plan) {
                try step.run()
                wanted.append(try settled(plan))
            }
        }
        try inWorld(world) { plan in
            var before = try settled(plan)
            for (index, step) in Self.steps(plan).enumerated() {
                let dry = DryRun()
                try dry.run(step.run)
                expectSame(try settled(plan), as: before, "\(step.name) --dry-run")
                try sh(dry.commands.joined(separator: "\n"))
                before = try settled(plan)
                expectSame(before, as: wanted[index], step.name)
            }
        }
    }

    @Test("taps that are not there yet are taken for made, and what is there needs no command")
    func assumed() throws {
        #expect(Self.cases.count == 11)  // A case that could not be made would be missing silently.
        let nics = [try makeNIC(), try makeNIC(1, addresses: ["10.1.0.2/24", "2001:db8::2/64"])]
        try inWorld(Case(testDescription: "", nics: nics)) { plan in
            let (early, taps, late, again) = (DryRun(), DryRun(), DryRun(), DryRun())
            try early.assume { _ = try TapSetup.create(plan: plan, owner: 1) }
            _ = try early.run { try BridgeSetup.create(plan) }
            try taps.run { _ = try TapSetup.create(plan: plan, owner: 1) }
            #expect(taps.commands.count == 2)
            try sh(taps.commands.joined(separator: "\n"))
            _ = try late.run { try BridgeSetup.create(plan) }
            #expect(late.commands == early.commands)
            try sh(late.commands.joined(separator: "\n"))
            _ = try again.run { try BridgeSetup.create(plan) }
            #expect(again.commands.allSatisfy { $0.hasPrefix("bridge ") })
            _ = try again.run { try TapSetup.create(plan: plan, owner: 1) }
            #expect(again.commands.count == 4)
        }
    }

    @Test(
        "host mode: its commands make what the verbs make, of each firewall",
        arguments: ["iptables-nft", "iptables-legacy", "nft"])
    func hostMode(_ firewall: String) throws {
        let directory = "/tmp/runcvm-dry-\(getpid())-\(firewall)"
        let (gateway, guest) = (
            try #require(IPPrefix("169.254.100.1/30")), try #require(IPPrefix("169.254.100.2/30"))
        )
        var nic = try makeNIC(name: "eth0", addresses: ["169.254.100.2/30"], alias: nil, tap: "tap0")
        nic.attach = Attachment(model: .nat)
        let ports = [HostPort(host: 8080, guest: 80), HostPort(host: 53, guest: 53, protocol: .udp)]
        let host = HostPlan(
            tap: "tap0", gateway: gateway, guest: guest, uplink: "up", firewall: firewall, ports: ports)
        let plan = NetworkPlan(mode: .host, nics: [nic], dns: DNSPlan(resolvConf: nil, relay: []), host: host)
        let nat = try #require(
            NATSetup(plan, id: "web", directory: directory, path: "/usr/sbin:/usr/bin:/sbin:/bin"))
        let steps: [() throws -> Void] = [
            { _ = try TapSetup.create(plan: plan, owner: 1234) }, { _ = try nat.enable() }, nat.disable,
            { try TapSetup.delete(plan: plan, records: nil, owner: 1234) },
        ]
        func inWorld(_ body: () throws -> Void) throws {
            defer { try? Files.deleteTree(directory) }
            try inNewNamespace {
                try sh("ip link set lo up; sysctl -qw net.ipv4.ip_forward=0; iptables-nft -A FORWARD -j RETURN")
                try body()
            }
        }
        func text() throws -> String {
            try namespaceText() + (try sh("cat \(directory)/.ip_forward 2>/dev/null || true"))
        }
        var wanted: [String] = []
        try inWorld {
            for step in steps {
                try step()
                wanted.append(try text())
            }
        }
        try inWorld {
            try expectDryRuns(of: steps, make: wanted, text)
        }
        #expect(wanted[1].contains("runcvm:web") && wanted[1].hasSuffix("web\n"))
    }

    @Test("each line enters the document's namespace, and quotes what a shell would take apart")
    func lines() {
        func line(_ netns: String?, _ words: [String], _ input: String? = nil) -> [String] {
            let dry = DryRun(netns: netns)
            dry.add(words, input: input)
            return dry.commands
        }
        #expect(line(nil, ["ip", "link"]) == ["ip link"])
        #expect(line("/run/netns/web", ["ip", "link"]) == ["ip -n web link"])
        #expect(line("/run/netns/web", ["sysctl", "-qw", "a=1"]) == ["nsenter --net=/run/netns/web sysctl -qw a=1"])
        #expect(line("/proc/7/ns/net", ["bridge", "fdb"]) == ["nsenter --net=/proc/7/ns/net bridge fdb"])
        #expect(line(nil, ["ip", "a b", "", "it's", "$x"]) == [#"ip 'a b' '' 'it'\''s' '$x'"#])
        #expect(line(nil, ["nft"], "EOF\n$x") == ["nft <<'EOF_'\nEOF\n$x\nEOF_"])
    }
}
