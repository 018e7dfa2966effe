import Foundation
import OCI
import Plan
import Testing

@testable import Firecracker

/// config.json as engines have written them: Podman 5.4 (two networks), Docker 20.10 (two networks), containerd 1.7 (`ctr run`).
@Suite("other engines' containers")
struct EngineConfigTests {
    static let engines = [
        "podman": "3fe4ec521904b10be1e83b95eae97912e32406be2a2ae095f9e2d700220e9da0",
        "docker-20.10": "3d1bba098553fa50ea99c5e6502310148d051b79dc3d9ea614acebc8773af8a0", "containerd": "two",
    ]

    private func document(_ engine: String) throws -> JSONValue {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../Fixtures/oci/\(engine).json")
        return try JSONValue(parsing: [UInt8](try Data(contentsOf: file)), subject: engine)
    }

    @Test("nothing of an ordinary one is refused, and its id is told", arguments: engines)
    func ordinary(_ engine: String, _ id: String) throws {
        let config = try OCIConfig(document: try document(engine))
        try ContainerRequest(config).check(hostNetwork: false)
        #expect(config.containerID == id)
    }

    @Test("namespaces, hooks, limits and control group stay as they are", arguments: engines.keys)
    func survives(_ engine: String) throws {
        let original = try document(engine)
        let adapted = JailConfig(root: "/jail", files: [], user: 7).adapt(original)
        for key in ["namespaces", "cgroupsPath", "sysctl", "seccomp", "maskedPaths", "readonlyPaths"] {
            #expect(adapted["linux"]?[key] == original["linux"]?[key], "\(key)")
        }
        #expect(adapted["hooks"] == original["hooks"] && adapted["hostname"] == original["hostname"])
        #expect(adapted["linux"]?["resources"]?["memory"] == original["linux"]?["resources"]?["memory"])
    }

    @Test("the shared memory that Podman has mounted for a container is the guest's own")
    func sharedMemory() throws {
        let mounts = ContainerRequest(try OCIConfig(document: try document("podman"))).guestMounts
        #expect(mounts.filter(\.isBind) == [])
        let shared = try #require(mounts.first { $0.destination == "/dev/shm" })
        #expect(shared.type == "tmpfs" && shared.options?.contains("mode=1777") == true)
    }

    @Test("files that Podman has made for a container go by their contents, and no others")
    func podmanFiles() throws {
        var document = try document("podman")
        let folder = "/run/containers/storage/overlay-containers/\(Self.engines["podman"] ?? "")/userdata"
        func bind(_ source: String, to target: String) -> JSONValue {
            ["destination": .string(target), "type": "bind", "source": .string(source), "options": ["bind"]]
        }
        let mounts = document["mounts"]?.array ?? []
        document["mounts"] = .array(mounts + [bind("\(folder)/passwd", to: "/etc/passwd")])
        let request = ContainerRequest(try OCIConfig(document: document))
        try request.check(hostNetwork: false)
        #expect(request.podmanFiles.map(\.destination) == ["/run/.containerenv", "/etc/passwd"])
        document["mounts"] = .array(mounts + [bind("/srv/x/userdata/passwd", to: "/etc/passwd")])
        let other = ContainerRequest(try OCIConfig(document: document))
        #expect(throws: Failure.self) { try other.check(hostNetwork: false) }
    }

    @Test("a folder of the host's as /dev/shm is a volume")
    func hostsMemory() throws {
        var document = try document("containerd")
        let volume: JSONValue = ["destination": "/dev/shm", "type": "bind", "source": "/dev/shm", "options": ["rbind"]]
        document["mounts"] = .array((document["mounts"]?.array ?? []) + [volume])
        let request = ContainerRequest(try OCIConfig(document: document))
        #expect(throws: Failure.self) { try request.check(hostNetwork: false) }
    }

    @Test("a rootless engine is refused, with what to do")
    func rootless() throws {
        try BundleAdapter.checkRoot(uidMap: "         0          0 4294967295\n")
        let failure = #expect(throws: Failure.self) {
            try BundleAdapter.checkRoot(uidMap: "         0       1000          1\n         1     100000      65536\n")
        }
        #expect(failure?.kind == .privilege && failure?.message.contains("sudo") == true)
    }

    @Test("a namespace that the container joins is told by its path, and a new one is not")
    func networkNamespace() throws {
        let path = "/run/netns/netns-200e8a82-e048-d495-1699-a8551e1afef1"
        #expect(try OCIConfig(document: try document("podman")).networkNamespace == path)
        #expect(try OCIConfig(document: try document("containerd")).networkNamespace == nil)
    }

    @Test("Podman's --init is replaced by ours, where it wants it")
    func podmanInit() throws {
        var document = try document("podman")
        let mount: JSONValue = [
            "destination": "/run/podman-init", "type": "bind", "source": "/usr/libexec/podman/catatonit",
            "options": ["bind", "ro"],
        ]
        document["mounts"] = .array((document["mounts"]?.array ?? []) + [mount])
        let request = ContainerRequest(try OCIConfig(document: document))
        try request.check(hostNetwork: false)
        #expect(request.engineInit == "/run/podman-init")
    }
}
