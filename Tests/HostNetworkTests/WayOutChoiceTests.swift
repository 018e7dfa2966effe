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

    @Test("an interface without an alias is a warning")
    func noAlias() throws {
        var nic = try makeNIC(
            addresses: ["192.0.2.0/31"], routes: [Route(to: "default", via: IPAddress("192.0.2.1"))], alias: nil)
        nic.aliasOmitted = "a /31 has no spare address"
        var plan = makePlan([nic])
        plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
        var warnings: [String] = []
        #expect(try WayOut(plan) { warnings.append($0) } == nil)
        #expect(
            warnings == ["eth0 has no alias: a /31 has no spare address; external names may not resolve in the VM"])
    }
}
