import Foundation
import OCI
import Testing

@testable import Firecracker

@Suite("keys of a VM's sidecar")
struct SidecarAccessTests {
    /// Runs a program with PATH, and returns its output.
    private func run(_ words: String...) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self)
    }

    @Test("Dropbear reads the host key as the one that the client believes; each start has others; files are private")
    func keys() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let installation = try Installation(environment: ProcessInfo.processInfo.environment)
        let access = SidecarAccess(directory: folder.path, installation: installation)
        let first = try access.create(owner: getuid())
        let keys = try access.create(owner: getuid())
        #expect(keys != first)

        let hostKey = folder.appending(path: "dropbear")
        try #require(Data(base64Encoded: keys.hostKey)).write(to: hostKey)
        let shown = try run("dropbearkey", "-y", "-f", hostKey.path)
        let known = try String(contentsOf: folder.appending(path: "ssh_known_hosts"), encoding: .utf8)
        let words = known.split { $0 == " " || $0 == "\n" }
        #expect(words.count == 3 && words[0] == "vm")
        #expect(shown.contains("\(words[1]) \(words[2])"), "\(shown)\(known)")
        #expect(try run("ssh-keygen", "-y", "-f", folder.appending(path: "ssh_key").path).hasPrefix(keys.authorizedKey))

        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names) == ["ssh_key", "ssh_known_hosts", "dropbear"])
        for name in ["ssh_key", "ssh_known_hosts"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test(
        "what is no Ed25519 key of OpenSSH's is an error",
        arguments: ["", "-----BEGIN\nAAAA\n-----END", "b3BlbnNzaC1rZXktdjEA"])
    func noKey(_ text: String) {
        #expect(throws: Failure.self) { try OpenSSHKey.dropbear(text) }
    }
}
