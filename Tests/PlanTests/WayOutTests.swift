import OCI
import Plan
import Testing

@Suite("the ports of the namespace's name queries") struct WayOutPlanTests {
    private let key = "net.ipv4.ip_local_reserved_ports"

    private func plan(_ relay: String...) throws -> DNSPlan {
        DNSPlan(resolvConf: nil, relay: try relay.map { try #require(IPAddress($0)) })
    }

    @Test("they are kept free in the guest beside those that the user wants free")
    func reserved() throws {
        let embedded = try plan("127.0.0.53", "127.0.0.11")
        #expect(embedded.reservingPorts(in: [:]) == [key: "61000-61999"])
        #expect(embedded.reservingPorts(in: [key: "", "net.core.somaxconn": "9"])[key] == "61000-61999")
        #expect(embedded.reservingPorts(in: [key: "8080,9000-9010"]) == [key: "8080,9000-9010,61000-61999"])
    }

    @Test("without Docker's embedded name server nothing is reserved")
    func others() throws {
        #expect(try plan().reservingPorts(in: [:]) == [:])
        #expect(try plan("127.0.0.53", "::1").reservingPorts(in: [key: "1"]) == [key: "1"])
    }

    @Test("documents without a relay, of the guest and of the machine, have none")
    func absent() throws {
        let machine = Machine(
            id: "x", vcpus: 1, memory: 64, config: "c", firecracker: "f", directory: "d", terminal: false)
        #expect(try JSONValue(encoding: machine)["relay"] == nil)
        #expect(try JSONValue(encoding: machine).decoded(Machine.self, at: "machine").relay == nil)
        var asking = machine
        asking.relay = try plan("127.0.0.11").relay
        #expect(try JSONValue(encoding: asking)["relay"] == ["127.0.0.11"])
    }
}
