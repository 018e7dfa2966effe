import Mutation
import OCI
import Testing

@testable import Plan

@Suite("wrong input: documents on the pipe")
struct MutationTests {
    @Test("no facts, plan or address traps, hangs or eats memory, and what is accepted can be read again")
    func parsers() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) { Mutation.run(Self.targets) }
        #expect(Mutation.faults(result.standardOutputContent, result.standardErrorContent) == "")
    }

    private static let facts = PlanCase.all.compactMap { try? $0.document["facts"]?.serialized() }.filter {
        (try? Facts(parsing: $0, subject: "facts")) != nil
    }
    private static let states: [[UInt8]] = facts.compactMap { text in
        guard let plan = try? Planner.plan(Facts(parsing: text, subject: "facts")) else { return nil }
        return try? complete(VMState(container: ContainerReference(id: "x", pid: 7, netns: "/n"), network: plan))
    }

    /// With the keys of all verbs.
    private static func complete(_ state: VMState) throws -> [UInt8] {
        let machine = Machine(
            id: "x", vcpus: 2, memory: 512, config: "/c.json", firecracker: "/f", directory: "/vm", terminal: false)
        let nat = NATRecord(comment: "runcvm:x", firewall: "nft", forwardChains: ["FORWARD"], setIPForward: true)
        return try state.adding("machine", machine).adding("nat", nat)
            .adding("taps", [TapRecord(name: "tap-eth0", mtu: 1500, owner: 7)])
            .adding("bridges", [BridgeRecord(classifier: "u32", ports: ["eth0", "tap-eth0"])]).serialized()
    }

    private static let targets = [
        Target("facts", .json, 7000, seeds: facts) { bytes in
            let facts = try Facts(parsing: bytes, subject: "facts")
            let plan = try? Planner.plan(facts)
            guard let plan else { return }
            let state = try VMState(container: ContainerReference(id: facts.container.id), network: plan)
            let again = try? VMState(parsing: state.serialized()).network()
            guard again == plan else {
                throw Fault("the plan is another, or refused, when it is read: \(again as Any)")
            }
            guard try Planner.plan(facts) == plan else { throw Fault("another plan for the same facts") }
            let macs = DerivedMAC.devices(of: plan.nics)
            guard Set(macs).count == plan.nics.count else { throw Fault("one MAC for two devices") }
        },
        Target("document", .json, 6000, seeds: states) { bytes in
            let state = try VMState(parsing: bytes)
            _ = try state.container()
            _ = (try state.taps(), try state.bridges(), try state.nat(), try state.machine())
            _ = DerivedMAC.devices(of: try state.network().nics)
        },
        Target(
            text: "address", 10000,
            seeds: ["172.17.0.2", "2001:db8::1", "::ffff:192.0.2.1", "fe80::42:acff:fe11:2", "::", "1:2:3:4:5:6:7:8"]
        ) { text in
            guard let address = IPAddress(text) else { return }
            guard IPAddress(address.description) == address else { throw Fault("\(address) is not read again") }
        },
        Target(text: "prefix", 8000, seeds: ["172.17.0.2/16", "fd00::2/64", "0.0.0.0/0", "::1/128"]) { text in
            guard let prefix = IPPrefix(text) else { return }
            guard IPPrefix(prefix.description) == prefix, prefix.contains(prefix.address) else {
                throw Fault("\(prefix) is not read again")
            }
        },
        Target(text: "MAC", 4000, seeds: ["02:42:ac:11:00:02", "FF:ff:00:0a:A0:9f"]) { text in
            guard let mac = MACAddress(text) else { return }
            guard MACAddress(mac.description) == mac else { throw Fault("\(mac) is not read again") }
        },
        Target(text: "ports", 4000, seeds: ["8080:80", "53/udp,8080:80/tcp,65535:1"]) { _ = try HostPort.list($0) },
        Target(text: "name servers", 4000, seeds: ["# x\nnameserver 127.0.0.11\noptions ndots:0\n", "nameserver ::1"]) {
            _ = Facts(container: ContainerFacts(), links: [], routes: [], resolvConf: $0).nameServers
        },
    ]
}
