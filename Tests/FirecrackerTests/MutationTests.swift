import Foundation
import Mutation
import OCI
import Plan
import Testing

@testable import Firecracker

@Suite("wrong input: bundles, mounts")
struct MutationTests {
    @Test("no bundle, mountinfo or size traps, hangs or eats memory")
    func parsers() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) { Mutation.run(Self.targets) }
        #expect(Mutation.faults(result.standardOutputContent, result.standardErrorContent) == "")
    }

    private static let mountinfo = """
        22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        310 22 0:60 / /m rw,relatime shared:1 - overlay overlay \
        rw,lowerdir=/l/A\\040B:/l/C\\134:D,lowerdir+=/x,upperdir=/u/diff,workdir=/u/work

        """
    private static func size(_ resources: String) -> [UInt8] {
        [UInt8](#"{"process":{"cwd":"/","env":["RUNCVM_CPUS="]},"linux":{"resources":\#(resources)}}"#.utf8)
    }

    private static let targets = [
        Target("bundle", .json, 3000, seeds: [(try? dockerConfig().serialized()) ?? []]) { bytes in
            let document = try JSONValue(parsing: bytes, subject: "config.json")
            let adapted = JailConfig(root: "/j", files: [], user: 7).adapt(document)
            let request = ContainerRequest(try OCIConfig(document: document))
            try request.check(hostNetwork: false)
            guard try OCIConfig(document: adapted).process?.user?.uid == 7 else { throw Fault("not the VMM's user") }
            _ = (request.guestMounts, request.engineInit, request.source(of: "/etc/hosts"))
        },
        Target(
            "limits", .json, 8000,
            seeds: [
                size(#"{"memory":{"limit":536870912},"cpu":{"quota":150000,"period":100000,"cpus":"0-2,5"}}"#),
                size(#"{"cpu":{"cpus":"0,2-3"},"pids":{"limit":100}}"#),
            ]
        ) { bytes in
            let config = try OCIConfig(document: JSONValue(parsing: bytes, subject: "config.json"))
            let size = try MachineSize(
                resources: config.linux?.resources, request: ContainerRequest(config), hostCPUs: 4)
            guard (1...32).contains(size.vcpus), size.memory >= 96 else { throw Fault("a machine of \(size)") }
        },
        Target(text: "CPUs", 4000, seeds: ["0-2,5", "0", "0-63"]) { text in
            if let count = MachineSize.countCPUs(text), count < 1 { throw Fault("\(count) CPUs") }
        },
        Target(text: "memory", 4000, seeds: ["512M", "2GiB", "1048576k", "2048"]) { text in
            if let size = MachineSize.parse(text), size < 0 { throw Fault("\(size) MiB") }
        },
        Target(text: "mountinfo", 6000, seeds: [mountinfo]) { text in
            _ = OverlayMount(at: "/m", mountinfo: text)?.image(root: "/m")
        },
        Target(text: "id", 2000, seeds: ["4f1e0c3b", "web_1.x"]) { text in
            let name = MachineBuilder.name(for: text)
            guard name.utf8.count <= 64, name.utf8.allSatisfy({ $0 < 0x80 && $0 > 0x2c }) else {
                throw Fault("Firecracker takes no \(name)")
            }
            guard MachineBuilder.padded([UInt8](text.utf8)).count % 512 == 0 else { throw Fault("not whole sectors") }
        },
    ]
}
