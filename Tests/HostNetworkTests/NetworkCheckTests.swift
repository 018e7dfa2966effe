import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

@Suite(.needsRoot) struct NetworkCheckTests {
    struct Break: CustomTestStringConvertible {
        var script: String
        /// The beginnings of the lines that it shall give, and of no others.
        var lines: [String]
        init(_ script: String, _ lines: String...) { (self.script, self.lines) = (script, lines) }
        var testDescription: String { script }
    }

    private func expect(_ found: [String], _ wanted: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(found.count == wanted.count, "\(found)", sourceLocation: sourceLocation)
        for line in wanted {
            #expect(found.contains { $0.hasPrefix(line) }, "\(line)\n\(found)", sourceLocation: sourceLocation)
        }
    }

    static let bridgeBreaks: [Break] = [
        Break("ip link delete tap-eth0", "tap-eth0: missing; runcvm tap-create"),
        Break(
            "ip link delete tap-eth0; ip link add tap-eth0 type veth peer name other",
            "tap-eth0: a link of kind veth, not our tap"),
        Break(
            "ip link delete tap-eth0; ip tuntap add tap-eth0 mode tap user 7 vnet_hdr; "
                + "ip link set tap-eth0 mtu 1400 master br-eth0 up; ip link set br-eth0 mtu 1400",
            "tap-eth0: belongs to user 7, not to user 1000; the VMM cannot open it"),
        Break("ip link set tap-eth0 nomaster", "tap-eth0: no port of a bridge, not one of br-eth0; ip link set"),
        Break(
            "ip link add other type bridge; ip link set eth0 master other; ip link set br-eth0 mtu 1400",
            "eth0: a port of other, not one of br-eth0"),
        Break("ip link set eth0 down", "eth0: down; ip link set eth0 up"),
        Break("ip link set tap-eth0 down", "tap-eth0: down"),
        Break("ip link set eth0 mtu 1300", "eth0: MTU 1300, not 1400", "br-eth0: MTU 1300, not 1400"),
        Break(
            "ip address add 172.16.0.2/16 dev eth0",
            "eth0: has the address 172.16.0.2/16, and answers in the VM's place"),
        Break("ip address delete 172.16.255.254/16 dev br-eth0", "br-eth0: the alias 172.16.255.254/16 is missing"),
        Break(
            "ip neighbour delete 172.16.0.2 dev br-eth0",
            "br-eth0: no permanent neighbour 172.16.0.2 at 02:42:ac:11:00:02"),
        // As its own switch, arp on empties the table of neighbours.
        Break(
            "ip link set br-eth0 arp on", "br-eth0: speaks ARP for an alias",
            "br-eth0: no permanent neighbour 172.16.0.2"),
        Break("ip link delete br-eth0", "br-eth0: missing; runcvm bridge-alias makes it"),
        Break(
            "ip link set br-eth0 down; ip link set br-eth0 address 02:00:00:00:00:09; ip link set br-eth0 up",
            "br-eth0: MAC 02:00:00:00:00:09, not 0a:42:ac:11:00:02", "br-eth0: no permanent neighbour"),
        Break("ip link set eth0 address 02:42:ac:11:00:02", "eth0: has the VM's MAC 02:42:ac:11:00:02, not 06:42"),
        Break(
            "ip link set eth0 address 02:00:00:00:00:07",
            "eth0: MAC 02:00:00:00:00:07, not 06:42:ac:11:00:02; another link"),
        Break("ip link delete eth0", "eth0: missing; the engine has taken the network"),
        Break(
            "ip link add eth1 type veth peer name p; ip address add 10.7.0.2/24 dev eth1; ip link set eth1 up",
            "eth1: not in the plan; a network connected after the start"),
        Break(
            "ip link add vpn type bridge; ip link set vpn up; ip route add 172.16.0.2 dev vpn; sysctl -qw net.ipv4.conf.all.rp_filter=1",
            "172.16.0.2: reached by vpn, not by br-eth0, and rp_filter drops what it sends here; ip route get 172.16.0.2",
            "vpn: not in the plan"
        ),
        Break(
            "ip rule add to 172.16.0.2 lookup 99 priority 9; ip route add unreachable default table 99",
            "172.16.0.2: reached by no link, not by br-eth0"),
        // Nobody's business: an interface without an address, a link of the kernel's own.
        Break("ip link add idle type veth peer name q; ip link add name t0 type bridge"),
    ]

    @Test("each thing that is not as planned in bridge mode has its line", arguments: bridgeBreaks)
    func bridge(_ broken: Break) throws {
        try inNewNamespace {
            try sh("ip link set lo up")
            let nic = try makeNIC(mtu: 1400)
            let plan = makePlan([nic])
            let wire = try makeContainer([nic])
            defer { _ = wire }
            let taps = try TapSetup.create(plan: plan, owner: 1000)
            let bridges = try BridgeSetup.create(plan)
            let before = try Snapshot()
            expect(try NetworkCheck(plan, taps: taps, bridges: bridges).differences, [])
            try expectUnchanged(since: before)
            try sh(broken.script)
            expect(try NetworkCheck(plan, taps: taps, bridges: bridges).differences, broken.lines)
        }
    }

    @Test("of a plan that no verb has made yet, everything is missing")
    func nothingMade() throws {
        try inNewNamespace {
            let nic = try makeNIC()
            let wire = try makeContainer([nic])
            defer { _ = wire }
            expect(
                try NetworkCheck(makePlan([nic])).differences,
                ["br-eth0: missing", "eth0: has the VM's MAC", "tap-eth0: missing"])
        }
    }

    static let wayOutBreaks: [Break] = [
        Break(
            "ip rule delete priority 53; ip rule delete priority 53",
            "eth0: name queries: a policy rule (ip rule) is missing, so external names"),
        Break("ip route delete default table 53", "eth0: name queries: a route is missing (ip route show table 53)"),
        Break(
            "ip neighbour delete 172.16.0.1 dev br-eth0",
            "eth0: name queries: no permanent neighbour 172.16.0.1 at 02:42:99:00:00:01"),
        Break(
            "nft flush ruleset", "eth0: name queries: nft's table ip runcvm is missing",
            "eth0: name queries: nft's table bridge runcvm is missing"),
    ]

    @Test("the way out of name queries has its lines", arguments: wayOutBreaks)
    func wayOut(_ broken: Break) throws {
        try inNewNamespace {
            var nic = try makeNIC(routes: [Route(to: "default", via: IPAddress("172.16.0.1"))])
            nic.neighbors = [
                Neighbor(ip: try #require(IPAddress("172.16.0.1")), mac: try #require(MACAddress("02:42:99:00:00:01")))
            ]
            var plan = makePlan([nic])
            plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
            let wire = try makeContainer([nic])
            defer { _ = wire }
            let taps = try TapSetup.create(plan: plan, owner: 1000)
            let bridges = try BridgeSetup.create(plan) { Issue.record("\($0)") }
            expect(try NetworkCheck(plan, taps: taps, bridges: bridges).differences, [])
            try sh(broken.script)
            expect(try NetworkCheck(plan, taps: taps, bridges: bridges).differences, broken.lines)
        }
    }

    static let redirectBreaks: [Break] = [
        Break("tc filter delete dev eth0 ingress pref 100", "eth0: no filter that redirects to tap-eth0"),
        Break("tc qdisc delete dev tap-eth0 ingress", "tap-eth0: no filter that redirects to eth0"),
        Break("tc filter delete dev eth0 ingress pref 53", "eth0: name queries: the filters with pref 53 are missing"),
        Break("ip address delete 172.16.0.2/16 dev eth0", "eth0: the address 172.16.0.2/16 is missing; an ipvlan"),
        Break("ip link set eth0 allmulticast off", "eth0: not in allmulticast"),
        Break("ip link set eth0 address 02:00:00:00:00:07", "eth0: MAC 02:00:00:00:00:07, not 02:42:ac:11:00:02"),
        Break("ip link delete eth0", "eth0: missing"),
        Break("ip link delete tap-eth0", "tap-eth0: missing"),
        Break("nft delete table ip runcvm", "eth0: name queries: nft's table ip runcvm is missing"),
    ]

    @Test("each thing that is not as planned with a macvlan has its line", arguments: redirectBreaks)
    func redirect(_ broken: Break) throws {
        try inNewNamespace {
            try sh(
                """
                sysctl -qw net.ipv6.conf.default.disable_ipv6=1
                ip link add wire type veth peer name parent; ip link set wire up; ip link set parent up
                ip link add link parent name eth0 address 02:42:ac:11:00:02 type macvlan mode bridge
                ip link set eth0 up; ip address add 172.16.0.2/16 dev eth0; ip route add default via 172.16.0.1
                """)
            var nic = try makeNIC(routes: [Route(to: "default", via: IPAddress("172.16.0.1"))], alias: nil)
            nic.attach = Attachment(model: .tc, port: "eth0")
            var plan = makePlan([nic])
            plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
            let taps = try TapSetup.create(plan: plan, owner: 1000)
            let bridges = try BridgeSetup.create(plan) { Issue.record("\($0)") }
            expect(try NetworkCheck(plan, taps: taps, bridges: bridges).differences, [])
            try sh(broken.script)
            expect(try NetworkCheck(plan, taps: taps, bridges: bridges).differences, broken.lines)
        }
    }

    static let hostBreaks: [Break] = [
        Break(
            "sysctl -qw net.ipv4.ip_forward=0",
            "net.ipv4.ip_forward: 0, not 1; something turned it off",
            "tap0: forwarding is off; sysctl -w net.ipv4.conf.tap0.forwarding=1"),
        Break("sysctl -qw net.ipv4.conf.tap0.route_localnet=0", "tap0: route_localnet is off"),
        Break("FW -t nat -F", "FW: 0 of 4 rules of the VM in table nat; the firewall was loaded anew"),
        Break("FW -F FORWARD", "FW: 1 of 3 rules of the VM in table filter (FORWARD's policy is DROP); the firewall"),
        Break(
            "FW -I FORWARD -j REJECT",
            "FW: the rule '-A FORWARD -j REJECT --reject-with icmp-port-unreachable' comes before the VM's"),
        Break("ip address delete 169.254.100.1/30 dev tap0", "tap0: the host's address 169.254.100.1/30 is missing"),
        Break(
            "ip link set tap0 down; sysctl -qw net.ipv4.conf.tap0.forwarding=1",
            "tap0: down", "169.254.100.2: reached by uplink, not by tap0; ip route get"),
        Break(
            "ip route add 169.254.100.2 dev uplink; sysctl -qw net.ipv4.conf.tap0.rp_filter=1",
            "169.254.100.2: reached by uplink, not by tap0, and rp_filter drops what it sends here"),
        Break(
            "ip link add wwan type veth peer name x; ip link set wwan up; ip route replace default dev wwan",
            "wwan: the way out is by it now, not by uplink, where the masquerade is; start the VM again"),
        Break("ip link delete tap0", "tap0: missing", "tap0: forwarding is off", "tap0: route_localnet is off"),
        Break("OTHER -P FORWARD DROP", "OTHER: policy of FORWARD is DROP; it drops beside FW"),
        // Another network of the host's is its own matter, and so is another VM's rule.
        Break("ip link add docker9 type bridge; ip address add 10.99.0.1/24 dev docker9; ip link set docker9 up"),
        Break("FW -I FORWARD -i tap9 -m comment --comment runcvm:other -j ACCEPT"),
    ]

    @Test(
        "each thing that is not as planned in host mode has its line",
        arguments: hostBreaks, [("iptables-nft", "iptables-legacy"), ("iptables-legacy", "iptables-nft")])
    func hostMode(_ broken: Break, _ flavours: (ours: String, other: String)) throws {
        try inNewNamespace {
            let host = try Host(setup: "\(flavours.ours) -P FORWARD DROP")
            defer { host.remove() }
            func text(_ text: String) -> String {
                text.replacing("FW", with: flavours.ours).replacing("OTHER", with: flavours.other)
            }
            let plan = try host.plan(0, ports: [HostPort(host: 8080, guest: 80)])
            let taps = try TapSetup.create(plan: plan, owner: 1000)
            let nat = try host.setup(plan, id: "web")
            _ = try nat.enable()
            expect(try NetworkCheck(plan, taps: taps, nat: nat, path: host.path).differences, [])
            try sh(text(broken.script))
            expect(try NetworkCheck(plan, taps: taps, nat: nat, path: host.path).differences, broken.lines.map(text))
        }
    }

    @Test("host mode by nft: the VM's table and its rules in the host's chains")
    func hostModeByNft() throws {
        try inNewNamespace {
            let host = try Host(
                programs: ["nft"],
                setup:
                    "nft add table inet filter; nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'"
            )
            defer { host.remove() }
            let plan = try host.plan(0)
            let taps = try TapSetup.create(plan: plan, owner: 1000)
            let nat = try host.setup(plan, id: "web")
            _ = try nat.enable()
            func differences() throws -> [String] {
                try NetworkCheck(plan, taps: taps, nat: nat, path: host.path).differences
            }
            expect(try differences(), [])
            try sh("nft flush chain inet filter forward")
            expect(
                try differences(), ["nft: 0 of 2 rules of the VM in inet filter forward; the firewall was loaded anew"])
            try sh("nft flush ruleset")
            expect(try differences(), ["nft: the VM's table ip runcvm-"])
            _ = try nat.enable()
            expect(try differences(), [])
        }
    }
}
