import Foundation
import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

@Suite(.needsRoot, .enabled(if: Files.findProgram("socat", path: Host.path) != nil, "needs socat"))
struct HostModeTests {
    static let dockers = "-N DOCKER; FW -N DOCKER-USER; FW -A DOCKER-USER -j RETURN; FW -A FORWARD -j DOCKER-USER"
    /// Flavour, the programs on PATH, and the host's own rules.
    static let hosts: [(flavour: String, programs: [String], rules: String)] = [
        ("iptables-nft", Host.all, "iptables-nft -P FORWARD DROP"),
        ("iptables-nft", Host.all, "iptables-nft -A FORWARD -j REJECT; iptables-nft -t nat -A POSTROUTING -j ACCEPT"),
        ("iptables-nft", Host.all, "FW=iptables-nft; $FW -P FORWARD DROP; $FW " + docker),
        ("iptables-legacy", Host.all, "FW=iptables-legacy; $FW -P FORWARD DROP; $FW " + docker),
        ("iptables-legacy", Host.all, "iptables-legacy -A FORWARD -j REJECT"),
        (
            "nft", ["nft"],
            """
            nft add table inet filter; nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'
            nft add rule inet filter forward counter reject
            """
        ),
        ("nft", ["nft"], "true"),
    ]
    private static let docker = dockers.replacing("FW", with: "$FW")

    @Test("the VM gets out by the host's address, twice over, and nothing is left", arguments: hosts.indices)
    func outbound(_ index: Int) throws {
        try inNewNamespace {
            let host = try Host(programs: Self.hosts[index].programs, setup: Self.hosts[index].rules)
            defer { host.remove() }
            let plan = try host.plan(0)
            #expect(plan.host?.firewall == Self.hosts[index].flavour)
            #expect(plan.host?.uplink == "uplink")
            let guest = try host.machine(plan)
            // The chains of iptables-nft appear with their first rule, and stay.
            let flavour = Self.hosts[index].flavour
            if flavour != "nft" {
                try shell("for o in -A -D; do \(flavour) -t nat $o POSTROUTING -j RETURN; \(flavour) $o FORWARD; done")
            }
            let before = try host.state()
            let nat = try host.setup(plan, id: "first")
            let record = try nat.enable()
            #expect(record.setIPForward)
            #expect(record.forwardChains.contains("DOCKER-USER") == Self.hosts[index].rules.contains("DOCKER"))
            let made = try host.state()
            #expect(try nat.enable() == record)
            #expect(try host.state() == made)
            try serving(in: host.internet) {
                try guest.run { try expectAnswer("192.0.2.10", from: "192.0.2.1") }
            }
            for _ in 0..<2 { try nat.disable() }
            try host.expectState(before)
        }
    }

    @Test(
        "host ports lead to the VM from outside, from the host, and from 127.0.0.1",
        arguments: ["iptables-nft", "iptables-legacy", "nft"])
    func ports(_ flavour: String) throws {
        try inNewNamespace {
            let host = try Host(
                programs: flavour == "nft" ? ["nft"] : Host.all,
                setup: flavour == "nft" ? "" : "\(flavour) -P FORWARD DROP")
            defer { host.remove() }
            let ports = [HostPort(host: 8080, guest: 80), HostPort(host: 53, guest: 5353, protocol: .udp)]
            let plan = try host.plan(0, ports: ports)
            let guest = try host.machine(plan)
            let nat = try host.setup(plan, id: "web")
            _ = try nat.enable()
            try serving(in: guest) {
                try expectAnswer("192.0.2.10", from: "192.0.2.10", port: 8080)
                try expectAnswer("169.254.100.1", from: "127.0.0.1", port: 8080)
                try host.internet.run { try expectAnswer("192.0.2.1", from: "192.0.2.10", port: 8080) }
            }
            try serving("UDP", port: 5353, in: guest) {
                try host.internet.run { try expectAnswer("192.0.2.1", from: "192.0.2.10", transport: "UDP", port: 53) }
            }
            // The loopback way back is no way in.
            try serving(port: 9, in: try NetworkNamespace.current()) {
                try expectAnswer("127.0.0.1", from: "127.0.0.1", port: 9)
                try guest.run {
                    try shell(
                        "ip route add 127.0.0.0/8 via 169.254.100.1; ip address flush dev lo; sysctl -qw net.ipv4.conf.all.route_localnet=1"
                    )
                    try expectAnswer("", from: "127.0.0.1", port: 9)
                }
            }
            try nat.disable()
            try serving(in: guest) { try expectAnswer("", from: "192.0.2.10", port: 8080) }
        }
    }

    @Test("three at once, and the first that goes takes neither rules nor forwarding from the others")
    func several() throws {
        try inNewNamespace {
            let host = try Host(
                setup: "iptables-nft -P FORWARD DROP; for o in -A -D; do iptables-nft -t nat $o POSTROUTING; done")
            defer { host.remove() }
            let before = try host.state()
            let plans = try (0..<3).map { try host.plan($0) }
            let guests = try plans.map(host.machine)
            let nats = try plans.enumerated().map { try host.setup($1, id: "vm\($0)") }
            for nat in nats { #expect(try nat.enable().setIPForward) }
            try serving(in: host.internet) {
                for guest in guests { try guest.run { try expectAnswer("192.0.2.10", from: "192.0.2.1") } }
                try nats[0].disable()
                try guests[0].run { try expectAnswer("", from: "192.0.2.1") }
                for guest in guests[1...] { try guest.run { try expectAnswer("192.0.2.10", from: "192.0.2.1") } }
            }
            try nats[1].disable()
            try nats[2].disable()
            try host.expectState(before)
        }
    }

    @Test("forwarding that was on stays on, and an undo of what was never done does nothing")
    func forwardingWasOn() throws {
        try inNewNamespace {
            let host = try Host(
                setup:
                    "sysctl -qw net.ipv4.ip_forward=1; for o in -A -D; do iptables-nft -t nat $o POSTROUTING; iptables-nft $o FORWARD; done"
            )
            defer { host.remove() }
            let plan = try host.plan(0)
            let guest = try host.machine(plan)
            defer { withExtendedLifetime(guest) {} }
            let nat = try host.setup(plan, id: "vm")
            let before = try host.state()
            try nat.disable()
            #expect(try !nat.enable().setIPForward)
            // Part of it has gone already.
            try shell("iptables-nft -t nat -F POSTROUTING")
            try nat.disable()
            try host.expectState(before)
        }
    }

    @Test("where the rules cannot be made, forwarding is as before")
    func failure() throws {
        try inNewNamespace {
            let host = try Host()
            defer { host.remove() }
            var plan = try host.plan(0)
            let guest = try host.machine(plan)
            defer { withExtendedLifetime(guest) {} }
            plan.host?.firewall = "nft"
            let failure = #expect(throws: Failure.self) { try host.setup(plan, id: "vm").enable() }
            #expect(failure?.kind == .unavailable)
            #expect(failure?.message.contains("nft not found") == true)
            #expect(try shell("sysctl -n net.ipv4.ip_forward") == "0")
            #expect(!Files.exists("\(host.directory)/.ip_forward"))
        }
    }

    @Test("a second run that fails leaves what the first made", arguments: ["iptables-nft", "nft"])
    func failureAgain(_ flavour: String) throws {
        try inNewNamespace {
            let host = try Host(programs: flavour == "nft" ? ["nft"] : Host.all)
            defer { host.remove() }
            let plan = try host.plan(0)
            let guest = try host.machine(plan)
            defer { withExtendedLifetime(guest) {} }
            let nat = try host.setup(plan, id: "vm")
            _ = try nat.enable()
            try shell("ip link delete tap0")
            let before = try host.state()
            #expect(before.contains("runcvm:vm") && before.contains("ip_forward = 1"))
            let error = #expect(throws: SystemError.self) { try nat.enable() }
            #expect(error?.call == "sysctl" && error?.remedy == "runcvm tap-create comes first")
            #expect(try host.state() == before)
            try nat.disable()
        }
    }

    @Test("the tap stands in the host's namespace with the host's address, and only the VM's own is deleted")
    func tap() throws {
        try inNewNamespace {
            let host = try Host()
            defer { host.remove() }
            let plan = try host.plan(0)
            let before = try Snapshot()
            let records = try TapSetup.create(plan: plan, owner: 1234)
            #expect(try TapSetup.create(plan: plan, owner: 1234) == records)
            #expect(try BridgeSetup.create(plan).isEmpty)
            let tap = try #require(try LiveFacts.read().links.first { $0.name == "tap0" })
            #expect(tap.addresses.map(\.description) == ["169.254.100.1/30"] && tap.isUp)
            let foreign = [TapRecord(name: "tap0", mtu: 1500, owner: 1235)]
            try TapSetup.delete(plan: plan, records: nil, owner: 1235)
            try TapSetup.delete(plan: plan, records: foreign, owner: 1234)
            #expect(try NetlinkSocket().link(named: "tap0") != nil)
            // By the record, whoever the VMM's user is now; without one, by that.
            for _ in 0..<2 { try TapSetup.delete(plan: plan, records: records, owner: 1235) }
            try expectUnchanged(since: before)
            _ = try TapSetup.create(plan: plan, owner: 1234)
            for _ in 0..<2 { try TapSetup.delete(plan: plan, records: nil, owner: 1234) }
            try expectUnchanged(since: before)
        }
    }

    @Test("the uplink is the kernel's choice: a VPN that halves the default route, or none where it is unreachable")
    func uplink() throws {
        try inNewNamespace {
            let host = try Host()
            defer { host.remove() }
            #expect(try Uplink.read() == Uplink(dev: "uplink", mtu: 1500))
            try shell(
                """
                ip link add vpn mtu 1400 type veth peer name other; ip link set vpn up; ip link set other up
                ip route add 0.0.0.0/1 dev vpn; ip route add 128.0.0.0/1 dev vpn
                """)
            #expect(try Uplink.read() == Uplink(dev: "vpn", mtu: 1400))
            try shell("ip route replace 0.0.0.0/1 dev vpn mtu 1300")
            #expect(try Uplink.read() == Uplink(dev: "vpn", mtu: 1300))
            try shell("ip route replace 0.0.0.0/1 dev vpn mtu 9000")
            #expect(try Uplink.read() == Uplink(dev: "vpn", mtu: 1400))
            try shell("ip link delete vpn; ip route delete default; ip route add unreachable default")
            #expect(try Uplink.read() == nil)
            try shell("ip route delete default")
            #expect(try Uplink.read() == nil)
            try shell("ip -6 address add 2001:db8::2/64 dev uplink nodad")
            try shell("ip -6 route add default via 2001:db8::1 mtu 1280")
            #expect(try Uplink.read() == Uplink(dev: "uplink", mtu: 1280))
        }
    }

    @Test("no iptables and no nft is `none`; Docker's chains decide between two that are in use")
    func detection() {
        let used = SavedRules("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n")
        let dockers = SavedRules("*filter\n:FORWARD ACCEPT [0:0]\n:DOCKER - [0:0]\nCOMMIT\n")
        let empty = SavedRules("*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
        func name(_ nft: SavedRules?, _ legacy: SavedRules?, _ standard: IPTables.Flavour? = .nft) -> String {
            HostFirewall(nft: nft, legacy: legacy, installed: [.nft, .legacy], standard: standard, hasNFT: true).name
        }
        #expect(name(used, used) == "both")
        #expect(name(used, dockers) == "iptables-legacy")
        #expect(name(dockers, used) == "iptables-nft")
        #expect(name(empty, used) == "iptables-legacy")
        #expect(name(empty, empty, .legacy) == "iptables-legacy")
        #expect(name(empty, nil) == "iptables-nft")
        #expect(HostFirewall(nft: nil, legacy: nil, installed: [], standard: nil, hasNFT: true).name == "nft")
        #expect(HostFirewall(nft: nil, legacy: nil, installed: [], standard: nil, hasNFT: false).name == "none")
        #expect(
            HostFirewall(nft: used, legacy: nil, installed: [.nft], standard: .nft, hasNFT: true).forwardPolicy
                == "DROP")
    }
}
