import OCI
import Plan
import Testing

@Suite("malformed facts")
struct FactsTests {
    static let link = #"{"name":"eth0","kind":"veth","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]}"#

    static let faults: [(String, String)] = [
        (#"nonsense"#, "facts: not JSON"),
        (#"{"links":["#, "facts: not JSON"),
        (#"[]"#, "facts: not an object"),
        (#"{}"#, "links: missing"),
        (#"{"links":null}"#, "links: "),
        (#"{"links":[{"name":"eth0","mac":"02:42"}]}"#, "links.0.mac: \"02:42\" is not an Ethernet address"),
        (#"{"links":[{"name":"eth0","mtu":"big"}]}"#, "links.0.mtu: not a whole number"),
        (#"{"links":[{"name":"eth0","mtu":20}]}"#, "links.0.mtu: 20 is not an MTU"),
        (#"{"links":[{"name":"eth0","addresses":["10.0.0.2/33"]}]}"#, "links.0.addresses.0: \"10.0.0.2/33\""),
        (#"{"links":[{"name":"eth0","addresses":["10.0.0.2"]}]}"#, "links.0.addresses.0: \"10.0.0.2\""),
        (#"{"links":[{"name":"an-interface-too-long"}]}"#, "links.0.name: "),
        (#"{"links":[{"name":"a/b"}]}"#, "links.0.name: "),
        (#"{"links":[\#(link),\#(link)]}"#, "links.1.name: \"eth0\" is there twice"),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth9"}]}"#, "routes.0.dev: \"eth9\""),
        (#"{"links":[\#(link)],"routes":[{"to":"somewhere","dev":"eth0"}]}"#, "routes.0.to: \"somewhere\""),
        (#"{"links":[\#(link)],"routes":[{"to":"default","via":"fe80::1","family":4,"dev":"eth0"}]}"#, "routes.0: "),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","metric":-1}]}"#, "routes.0.metric: "),
        (
            #"{"links":[\#(link)],"neighbors":[{"ip":"10.0.0.1","mac":"02:42:ac:11:00:03","dev":"x"}]}"#,
            "neighbors.0.dev"
        ),
    ]

    @Test("a fault is named by its JSON path", arguments: faults)
    func path(_ fault: (text: String, message: String)) {
        let failure = #expect(throws: Failure.self) { try Facts(parsing: [UInt8](fault.text.utf8), subject: "facts") }
        #expect(failure?.kind == .badInput)
        #expect(failure?.message.hasPrefix(fault.message) == true, "\(failure?.message ?? "")")
    }

    @Test("ten megabytes are refused before they are parsed")
    func large() {
        let text = [UInt8](#"{"links":["#.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 10 << 20)
        let failure = #expect(throws: Failure.self) { try Facts(parsing: text, subject: "facts") }
        #expect(failure?.message.contains("longer than") == true)
    }

    @Test("deep nesting is refused")
    func deep() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        let failure = #expect(throws: Failure.self) { try Facts(parsing: text, subject: "facts") }
        #expect(failure?.kind == .badInput)
    }
}

@Suite("the planner's choices")
struct PlannerTests {
    private func facts(_ name: String, kind: String = "veth", _ address: String = "10.1.0.2/16") throws -> Facts {
        let text =
            #"{"links":[{"name":"\#(name)","kind":"\#(kind)","mac":"02:42:ac:11:00:02","addresses":["\#(address)"]}]}"#
        return try Facts(parsing: [UInt8](text.utf8), subject: "facts")
    }

    @Test("a name of 15 characters is shortened, the same each time, within the kernel's limit")
    func longNames() throws {
        let first = try Planner.plan(facts("abcdefghijklmno")).nics[0]
        let second = try Planner.plan(facts("abcdefghijklmno")).nics[0]
        #expect(first == second)
        #expect(first.name == "abcdefghijklmno")
        #expect(first.tap.hasPrefix("tap-abc") && first.tap.utf8.count <= 15)
        #expect(first.attach.bridge?.utf8.count ?? 99 <= 15)
        #expect(try Planner.plan(facts("abcdefghijklmnp")).nics[0].tap != first.tap)
    }

    @Test("the namespace of another VM is refused by name")
    func secondVM() throws {
        var facts = try facts("br-eth0", kind: "bridge")
        facts.links.append(LinkFact(name: "tap-eth0", kind: "tun", master: "br-eth0"))
        let failure = #expect(throws: Failure.self) { try Planner.plan(facts) }
        #expect(failure?.kind == .unavailable)
        #expect(failure?.message.contains("--net=container") == true)
    }

    @Test("the guest knows the alias by the bridge's MAC, which is nobody else's")
    func neighbours() throws {
        let nic = try Planner.plan(facts("eth0")).nics[0]
        let neighbor = try #require(nic.neighbors?.first)
        #expect(neighbor.ip.description == "10.1.255.254")
        #expect(Set([neighbor.mac, nic.guestMAC, try #require(nic.attach.portMAC)]).count == 3)
    }

    @Test("the alias steps down over every address that is known")
    func stepDown() throws {
        var facts = try facts("eth0", "10.9.0.2/29")
        facts.neighbors = try [6, 5].map {
            NeighborFact(
                ip: try #require(IPAddress("10.9.0.\($0)")), mac: try #require(MACAddress("02:00:00:00:00:0\($0)")),
                dev: "eth0")
        }
        #expect(try Planner.plan(facts).nics[0].alias?.description == "10.9.0.4/29")
    }
}

@Suite("addresses")
struct AddressTests {
    @Test(
        "IPv6 text is written as RFC 5952 says",
        arguments: [
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::1", "::1"), ("::", "::"), ("1::", "1::"),
            ("2001:DB8::A", "2001:db8::a"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("0:0:1:0:0:0:1:0", "0:0:1::1:0"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ])
    func ipv6(_ pair: (String, String)) {
        #expect(IPAddress(pair.0)?.description == pair.1)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.x", ":", ":::", "1::2::3", "12345::",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7", "::1.2.3", "fe80::1%eth0", " 1.2.3.4",
        ])
    func refused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("a prefix contains what it covers")
    func contains() throws {
        let prefix = try #require(IPPrefix("10.1.2.3/20"))
        #expect(try prefix.contains(#require(IPAddress("10.1.15.255"))))
        #expect(try !prefix.contains(#require(IPAddress("10.1.16.0"))))
        #expect(try !prefix.contains(#require(IPAddress("::1"))))
    }
}
