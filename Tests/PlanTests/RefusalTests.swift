import OCI
import Testing

@testable import Plan

/// What a user of `docker run` reads when a network cannot be had: what is in the way, and what to do.
@Suite("a plan that is refused")
struct RefusalTests {
    struct Case {
        var facts: String
        var kind: Failure.Kind
        var line: String

        init(_ facts: String, _ kind: Failure.Kind, _ line: String) {
            (self.facts, self.kind, self.line) = (facts, kind, line)
        }
    }

    private static func link(_ kind: String, name: String = "eth0", more: String = "") -> String {
        #"{"name":"\#(name)","kind":"\#(kind)","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]\#(more)}"#
    }
    private static func facts(_ links: String, env: String) -> String {
        #"{"links":[\#(links)],"container":{"env":["\#(env)"]}}"#
    }
    /// A container with `--net=host`.
    private static func host(_ capability: String, _ env: String, _ host: String = "") -> String {
        #"{"links":[\#(link("", name: "ens3"))],"container":{"hostNetwork":true,"env":["\#(env)"],"#
            + #""capabilities":["\#(capability)"]},"host":{"uplink":{"dev":"ens3","mtu":1500}\#(host)}}"#
    }
    private static let mode = "RUNCVM_NETWORK_MODE=host"

    static let cases = [
        Case(
            facts(link("veth"), env: "RUNCVM_NETWORK_MODE=none"), .usage,
            "RUNCVM_NETWORK_MODE=none, but the container has interface eth0; use --net=none"),
        Case(
            facts("", env: "RUNCVM_NETWORK_MODE=bridge"), .unavailable,
            "network: RUNCVM_NETWORK_MODE=bridge, but the container has no network interface; "
                + "give it a network (docker run --net=NAME) or leave the variable out"),
        Case(
            facts(link("ipvlan", more: #","mode":"l3s""#), env: "A=1"), .unavailable,
            "eth0: ipvlan in mode l3s gives its packets to the container's own IP stack, so a VM cannot have them; "
                + "make the network with -o ipvlan_mode=l3 or l2"),
        Case(
            facts(link("veth") + "," + link("tun", name: "tap-eth0"), env: "A=1"), .unavailable,
            "this network namespace belongs to another VM already (its tap is tap-eth0); "
                + "--net=container:NAME cannot join a VM with a second one"),
        Case(
            host("CAP_NET_ADMIN", "A=1"), .usage,
            "--net=host gives a VM the host's own network only by NAT; add -e RUNCVM_NETWORK_MODE=host to allow it"),
        Case(
            host("CAP_CHOWN", mode), .privilege,
            "host mode changes the host's network and the container may not (CAP_NET_ADMIN); "
                + "add --privileged or --cap-add NET_ADMIN"),
        Case(
            host("CAP_NET_ADMIN", mode, #","firewall":"none","ipForward":true"#), .unavailable,
            "iptables not found, nor nft; host mode needs one: apt-get install iptables"),
        Case(
            host("CAP_NET_ADMIN", mode, #","firewall":"nft","ipForward":false,"ipForwardWritable":false"#), .privilege,
            "net.ipv4.ip_forward is 0 and read-only; run with --privileged, or set it on the host: "
                + "sysctl -w net.ipv4.ip_forward=1"),
        Case(
            host("CAP_NET_ADMIN", #"\#(mode)","RUNCVM_HOST_PORTS=0:1"#, #","firewall":"nft","ipForward":true"#), .usage,
            #"RUNCVM_HOST_PORTS: "0:1" is not HOSTPORT[:GUESTPORT][/tcp|udp], like 8080:80 or 53/udp; "#
                + "a port is a number from 1 to 65535"),
    ]

    @Test("is one line with the remedy", arguments: cases.indices)
    func line(_ index: Int) {
        let refused = Self.cases[index]
        let failure = #expect(throws: Failure.self) {
            try Planner.plan(Facts(parsing: [UInt8](refused.facts.utf8), subject: "facts"))
        }
        #expect(failure?.description == refused.line)
        #expect(failure?.kind == refused.kind)
    }
}
