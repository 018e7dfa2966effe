import Plan
import Testing

@testable import HostNetwork

@Suite struct WayOutChoiceTests {
    @Test("of several interfaces that of the default route with the lowest metric is the way out")
    func several() throws {
        let gateway = { (text: String, metric: UInt32?) in Route(to: "default", via: IPAddress(text), metric: metric) }
        let first = try makeNIC(0, routes: [Route(to: "10.0.0.0/8", via: IPAddress("172.16.0.9"))])
        let second = try makeNIC(1, routes: [gateway("172.17.0.1", 100)])
        let third = try makeNIC(2, routes: [gateway("172.18.0.1", nil)])
        func bridge(_ nics: [NIC], relay: String = "127.0.0.11") throws -> String? {
            var plan = makePlan(nics)
            plan.dns.relay = [try #require(IPAddress(relay))]
            return try WayOut(plan)?.bridge
        }
        #expect(try bridge([first, second, third]) == "br-eth2")
        #expect(try bridge([first, second]) == "br-eth1")
        #expect(try bridge([first]) == "br-eth0")
        #expect(try bridge([makeNIC()]) == nil)
        #expect(try bridge([first], relay: "127.0.0.53") == nil)
    }

    @Test("an interface without an alias has a link-local source that the plan names nowhere")
    func noAlias() throws {
        let nic = try makeNIC(
            addresses: ["192.0.2.0/31", "169.254.61.1/32"],
            routes: [Route(to: "default", via: IPAddress("192.0.2.1")), Route(to: "169.254.61.3/32")], alias: nil)
        var plan = makePlan([nic])
        plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
        plan.dns.resolvConf =
            "nameserver 127.0.0.11\n# ExtServers: [169.254.61.1 169.254.61.2]\nnameserver 169.254.61.2\n"
        #expect(try WayOut(plan)?.source.description == "169.254.61.4")
    }

    @Test("a network of IPv6 alone has none, and nothing is done about it")
    func ipv6() throws {
        let nic = try makeNIC(
            addresses: ["fd00::2/64"], routes: [Route(to: "default", via: IPAddress("fd00::1"))], alias: nil)
        var plan = makePlan([nic])
        plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
        #expect(try WayOut(plan) == nil && DirectWayOut(plan) == nil)
    }
}
