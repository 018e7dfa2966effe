import OCI
import Testing

@testable import Plan

/// What of the container's network the VM gets, and what it does not.
@Suite("what is left out of the plan")
struct LeftOutTests {
    private func plan(_ links: String, routes: String = "", container: String = "{}") throws -> NetworkPlan {
        let text = #"{"container":\#(container),"links":[\#(links)],"routes":[\#(routes)]}"#
        return try Planner.plan(Facts(parsing: Array(text.utf8), subject: "facts"))
    }

    private static let eth0 = #"{"name":"eth0","kind":"veth","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]}"#

    @Test("an interface with nothing but what the kernel gives each link is no NIC")
    func bare() throws {
        let bare = #"{"name":"eth1","kind":"veth","mac":"02:42:ac:12:00:02","addresses":["fe80::42:acff:fe12:2/64"]}"#
        let routes =
            #"{"to":"fe80::/64","dev":"eth1","protocol":"kernel"},{"to":"ff00::/8","dev":"eth1","protocol":"kernel"}"#
        let plan = try plan(Self.eth0 + "," + bare, routes: routes)
        #expect(plan.nics.map(\.name) == ["eth0"])
        #expect(plan.warnings == ["eth1: it has no address and no route; the VM does not get it"])
    }

    @Test("nor is the port of a bridge that has the address")
    func port() throws {
        let plan = try plan(
            #"""
            {"name":"br0","kind":"bridge","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]},
            {"name":"eth0","kind":"veth","mac":"02:42:ac:11:00:02","master":"br0","addresses":["fe80::1/64"]}
            """#, routes: #"{"to":"fe80::/64","dev":"eth0","protocol":"kernel"}"#)
        #expect(plan.nics.map(\.name) == ["br0"])
    }

    @Test("a route to one host's link-local address is the engine's, and stands before the gateway")
    func linkLocalHost() throws {
        let plan = try plan(
            #"{"name":"eth0","mac":"02:42:ac:11:00:02","addresses":["2001:db8::2/128"]}"#,
            routes: #"""
                {"to":"default","via":"fe80::ecee:eeff:feee:eeee","dev":"eth0","metric":1024},
                {"to":"fe80::ecee:eeff:feee:eeee","dev":"eth0","metric":1024},
                {"to":"fe80::42:acff:fe11:2","dev":"eth0","protocol":"kernel"}
                """#)
        #expect(plan.nics[0].routes.map(\.to) == ["fe80::ecee:eeff:feee:eeee/128", "default"])
    }

    @Test("who made a route is the undo's matter, beside the routes")
    func protocols() throws {
        let routes = #"""
            {"to":"default","via":"172.17.0.1","dev":"eth0","protocol":"static","metric":100},
            {"to":"10.0.0.0/8","dev":"eth0"},{"to":"10.0.0.0/8","dev":"eth0"}
            """#
        let nic = try plan(Self.eth0, routes: routes).nics[0]
        #expect(
            nic.routes == [Route(to: "10.0.0.0/8"), Route(to: "default", via: IPAddress("172.17.0.1"), metric: 100)])
        #expect(nic.routeProtocols == ["boot", "static"])
        #expect(try plan(Self.eth0).nics[0].routeProtocols == nil)
    }

    @Test(
        "what carries no Ethernet has other addresses and MTUs",
        arguments: [
            #"{"name":"sit0","kind":"sit","mac":"0.0.0.0"}"#, #"{"name":"gre0","kind":"gre","mac":"00:00:00:00"}"#,
            #"{"name":"vcan0","kind":"vcan","mtu":16}"#,
        ])
    func stub(_ link: String) throws {
        #expect(try plan(link + "," + Self.eth0).nics.map(\.name) == ["eth0"])
    }

    @Test("an MTU that is too small for IPv6 leaves IPv4")
    func small() throws {
        let plan = try plan(
            #"""
            {"name":"eth0","mac":"02:42:ac:11:00:02","mtu":1200,
             "addresses":["172.17.0.2/16","172.17.0.2/16","2001:db8::2/64"]}
            """#,
            routes:
                #"{"to":"default","via":"172.17.0.1","dev":"eth0"},{"to":"default","via":"2001:db8::1","dev":"eth0"}"#)
        #expect(plan.nics[0].addresses.map(\.description) == ["172.17.0.2/16"])
        #expect(plan.nics[0].routes.map(\.via?.description) == ["172.17.0.1"])
        #expect(plan.warnings.count == 1)
        #expect(plan.warnings[0].hasPrefix("eth0: its MTU is less than the 1280 that IPv6 needs"))
    }

    @Test("in host mode the links and routes are the host's own, and tell its uplink")
    func uplink() throws {
        let plan = try plan(
            #"{"name":"ens3","mac":"02:42:ac:11:00:02","mtu":1450,"addresses":["192.0.2.2/24"]}"#,
            routes: #"""
                {"to":"default","via":"192.0.2.9","dev":"ens3","metric":50},
                {"to":"default","via":"192.0.2.1","dev":"ens3"}
                """#,
            container: #"{"hostNetwork":true,"env":["RUNCVM_NETWORK_MODE=host"],"capabilities":["CAP_NET_ADMIN"]}"#)
        #expect(plan.host?.uplink == "ens3")
        #expect(plan.nics[0].mtu == 1450)
        #expect(plan.warnings == [])
    }

    @Test("an ipvlan in mode l3 never asks by ARP")
    func l3() throws {
        let link = #"{"name":"eth0","kind":"ipvlan","mode":"l3","mac":"02:42:ac:11:00:02","addresses":["10.0.0.2/24"]}"#
        #expect(try plan(link).nics[0].arp == false)
        #expect(try plan(Self.eth0).nics[0].arp == nil)
    }
}
