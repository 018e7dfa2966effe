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
        (#"{"links":[{"name":"eth0","addresses":["1.2.3.4::/64"]}]}"#, "links.0.addresses.0: \"1.2.3.4::/64\""),
        (#"{"links":[{"name":"an-interface-too-long"}]}"#, "links.0.name: "),
        (#"{"links":[{"name":"a/b"}]}"#, "links.0.name: "),
        (#"{"links":[\#(link),\#(link)]}"#, "links.1.name: \"eth0\" is there twice"),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth9"}]}"#, "routes.0.dev: \"eth9\""),
        (#"{"links":[\#(link)],"routes":[{"to":"somewhere","dev":"eth0"}]}"#, "routes.0.to: \"somewhere\""),
        (#"{"links":[\#(link)],"routes":[{"to":"default","via":"10.0.0.1","family":6,"dev":"eth0"}]}"#, "routes.0: "),
        (#"{"links":[\#(link)],"routes":[{"to":"fd00::/8","via":"10.0.0.1","dev":"eth0"}]}"#, "routes.0: "),
        (#"{"links":[\#(link)],"routes":[{"to":"10.0.0.0/8","source":"fd00::1","dev":"eth0"}]}"#, "routes.0: "),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","metric":-1}]}"#, "routes.0.metric: "),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","mtu":0}]}"#, "routes.0.mtu: 0"),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","weight":257}]}"#, "routes.0.weight: 257"),
        (
            #"{"links":[\#(link)],"neighbors":[{"ip":"10.0.0.1","mac":"02:42:ac:11:00:03","dev":"x"}]}"#,
            "neighbors.0.dev"
        ),
        (#"{"links":{}}"#, "links: not a list"),
        (#"{"links":[null]}"#, "links.0: null"),
        (#"{"links":["eth0"]}"#, "links.0: not an object"),
        (#"{"links":[{"name":"eth%d"}]}"#, "links.0.name: \"eth%d\""),
        (#"{"links":[{"name":"a\u0000b"}]}"#, "links.0.name: \"a?b\""),
        (#"{"links":[{"name":"eth\u00e0"}]}"#, "links.0.name: "),
        (#"{"links":[{"name":"eth0","mtu":-1}]}"#, "links.0.mtu: -1"),
        (#"{"links":[{"name":"eth0","mtu":1500.5}]}"#, "links.0.mtu: not a whole number"),
        (#"{"links":[{"name":"eth0","mtu":1e99}]}"#, "links.0.mtu: not a whole number"),
        (#"{"links":[{"name":"sit0","kind":"sit","mtu":-1}]}"#, "links.0.mtu: -1"),
        (
            #"{"links":[{"name":"eth0","mac":"01:00:5e:00:00:01","addresses":["10.0.0.2/8"]}]}"#,
            "links.0.mac: 01:00:5e:00:00:01 is a group's"
        ),
        (#"{"links":[{"name":"eth0","kind":"veth","addresses":["10.0.0.2/8"]}]}"#, "links.0.mac: missing"),
        (
            #"{"links":[{"name":"eth0","kind":"veth","mac":"00:00:00:00:00:00","addresses":["10.0.0.2/8"]}]}"#,
            "links.0.mac: 00:00:00:00:00:00 is no interface's"
        ),
        (
            #"{"links":[{"name":"eth0","addresses":["10.0.0.2/8","224.0.0.1/4"]}]}"#,
            "links.0.addresses.1: 224.0.0.1/4 is no interface's"
        ),
        (#"{"links":[{"name":"eth0","addresses":["::/64"]}]}"#, "links.0.addresses.0: ::/64 is no interface's"),
        (#"{"links":[{"name":"eth0","addresses":["10.0.0.2/024"]}]}"#, "links.0.addresses.0: \"10.0.0.2/024\""),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","type":"blackhole"}]}"#, "routes.0.type: "),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","table":"100"}]}"#, "routes.0.table: \"100\""),
        (#"{"links":[\#(link)],"routes":[null]}"#, "routes.0: null"),
        (#"{"links":[\#(link)],"routes":[{"to":"10.1.2.3/8","dev":"eth0"}]}"#, "routes.0.to: \"10.1.2.3/8\""),
        (#"{"links":[\#(link)],"routes":[{"to":"fd00::1/64","dev":"eth0"}]}"#, "routes.0.to: \"fd00::1/64\""),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","family":5}]}"#, "routes.0.family: 5"),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","metric":1e30}]}"#, "routes.0.metric: not a"),
        (#"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","metric":"1"}]}"#, "routes.0.metric: not a"),
        (
            #"{"links":[\#(link)],"routes":[{"to":"default","dev":"eth0","metric":4294967296}]}"#,
            "routes.0.metric: 4294967296"
        ),
        (#"{"links":[\#(link)],"container":{"id":"../x"}}"#, "container.id: "),
        (#"{"links":[\#(link)],"container":{"env":["A=1",null]}}"#, "container.env.1: null"),
        (#"{"links":[\#(link)],"host":{"uplink":{"dev":"x","mtu":0}}}"#, "host.uplink.mtu: 0"),
        (#"{"links":[\#(link)],"host":{"uplink":{"dev":"x","mtu":0.5}}}"#, "host.uplink.mtu: not a whole number"),
        (#"{"links":[\#(link)],"host":{"uplink":{"dev":"x"}}}"#, "host.uplink.mtu: missing"),
        (#"{"links":[\#(link)],"host":{"uplink":{"dev":"a b","mtu":1500}}}"#, "host.uplink.dev: \"a b\""),
        (
            #"{"links":[\#(link)],"host":{"kept":{"tap":"..","gateway":"169.254.100.1/30"}}}"#,
            "host.kept.tap: \"..\""
        ),
    ]

    @Test(
        "what is odd but clear is accepted",
        arguments: [
            #"{"links":[\#(link)],"routes":null,"neighbors":null,"resolvConf":null,"host":null,"container":null}"#,
            #"{"links":[\#(link)],"future":{"a":[1,null]},"host":{"new":1}}"#,
            #"{"links":[\#(link),{"name":"lo","mtu":65536,"mac":"00:00:00:00:00:00","addresses":["127.0.0.1/8"]}]}"#,
            #"{"links":[\#(link),{"name":"tunl0","kind":"ipip","mtu":0}]}"#,
            #"{"links":[\#(link)],"resolvConf":"nameserver 10.0.0.53\u0000\n"}"#,
            #"{"links":[\#(link)],"container":{"env":["=","","RUNCVM_NETWORK_MODE="]}}"#,
        ])
    func accepted(_ text: String) throws {
        let plan = try Planner.plan(Facts(parsing: [UInt8](text.utf8), subject: "facts"))
        #expect(plan.nics.map(\.name) == ["eth0"])
        #expect(plan.nics.first?.alias?.description == "172.17.255.254/16")
        #expect(plan.warnings.isEmpty)
    }

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

    @Test("an alias is never in another interface's network, where the guest would look for it")
    func nested() throws {
        var facts = try facts("eth0", "10.1.0.2/16")
        facts.links.append(
            LinkFact(
                name: "eth1", kind: "veth", mac: MACAddress("02:42:ac:11:00:03"),
                addresses: [try #require(IPPrefix("10.1.255.2/24"))]))
        facts.routes = [
            RouteFact(to: "10.1.254.128/25", via: IPAddress("10.1.255.1"), dev: "eth1"),
            RouteFact(to: "10.1.254.127", dev: "eth0"),
        ]
        let nics = try Planner.plan(facts).nics
        #expect(nics.map { $0.alias?.description } == ["10.1.254.126/16", "10.1.255.254/24"])
    }

    @Test("a network that is wholly elsewhere leaves no alias")
    func covered() throws {
        var facts = try facts("eth0", "10.1.0.2/24")
        facts.routes = ["10.1.0.0/25", "10.1.0.128/25"].map {
            RouteFact(to: $0, via: IPAddress("10.1.0.1"), dev: "eth0")
        }
        let nic = try Planner.plan(facts).nics[0]
        #expect(nic.alias == nil)
        #expect(nic.aliasOmitted == "every host address of the /24 is in use")
    }

    @Test("a route of the kernel's that no address implies is kept: the peer's, a router's on-link prefix")
    func kernelRoutes() throws {
        var facts = try facts("eth0", "10.1.0.2/32")
        facts.links[0].addresses.append(try #require(IPPrefix("2001:db8::2/128")))
        facts.routes = [
            RouteFact(to: "default", via: IPAddress("10.9.9.1"), dev: "eth0"),
            RouteFact(to: "10.9.9.1/32", dev: "eth0", scope: "link", protocol: "kernel", source: IPAddress("10.1.0.2")),
            RouteFact(to: "2001:db8::/64", dev: "eth0", protocol: "kernel"),
            RouteFact(to: "2001:db8::2/128", dev: "eth0", protocol: "kernel"),
            RouteFact(to: "fe80::/64", dev: "eth0", protocol: "kernel"),
            RouteFact(to: "ff00::/8", dev: "eth0"),
        ]
        let routes = try Planner.plan(facts).nics[0].routes
        #expect(routes.map(\.to) == ["10.9.9.1/32", "2001:db8::/64", "default"])
    }

    @Test("a refused variable is told in one short line")
    func variable() throws {
        for name in ["RUNCVM_NETWORK_MODE", "RUNCVM_HYPERVISOR"] {
            var facts = try facts("eth0")
            facts.container.env = ["\(name)=ho\nst\0" + String(repeating: "x", count: 5000)]
            let failure = #expect(throws: Failure.self) { try Planner.plan(facts) }
            #expect(failure?.kind == .usage)
            #expect(failure?.message.hasPrefix("\(name)=ho?st?xxx") == true, "\(failure?.message ?? "")")
            #expect(failure?.message.utf8.count ?? 999 < 160)
        }
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
        #expect(nic.neighbors == nil)
        let neighbor = try #require(nic.guestNeighbors.first)
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
