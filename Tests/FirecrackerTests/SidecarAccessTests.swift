import Foundation
import Linux
import OCI
import Plan
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

    /// Runs in an empty folder.
    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    private func make(in folder: URL) throws -> (keys: SidecarKeys, files: [MachineFiles.File]) {
        let installation = try Installation(environment: ProcessInfo.processInfo.environment)
        return SidecarAccess(directory: folder.path, installation: installation).make(owner: getuid())
    }

    @Test("Dropbear reads the host key as the one that the client believes; each start has others; files are private")
    func keys() throws {
        try inFolder { folder in
            let first = try make(in: folder)
            let (keys, files) = try make(in: folder)
            #expect(try names(folder) == [])
            #expect(keys.hostKey != first.keys.hostKey && keys.authorizedKey != first.keys.authorizedKey)
            for file in files { try file.write() }
            #expect(try names(folder) == ["ssh_key", "ssh_known_hosts"])
            for name in try names(folder) {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }

            let hostKey = folder.appending(path: "dropbear")
            try #require(Data(base64Encoded: keys.hostKey)).write(to: hostKey)
            let shown = try run("dropbearkey", "-y", "-f", hostKey.path)
            let known = try String(contentsOf: folder.appending(path: "ssh_known_hosts"), encoding: .utf8)
            let words = known.split { $0 == " " || $0 == "\n" }
            #expect(words.count == 3 && words[0] == "vm")
            #expect(shown.contains("\(words[1]) \(words[2])"), "\(shown)\(known)")
            let client = try run("ssh-keygen", "-y", "-f", folder.appending(path: "ssh_key").path)
            #expect(client.hasPrefix(keys.authorizedKey))
        }
    }

    @Test("a missing ssh is named with the remedy")
    func missing() throws {
        let access = SidecarAccess(
            directory: "/none", installation: try Installation(environment: ["PATH": "/none"]))
        let error = #expect(throws: Failure.self) {
            _ = try access.client(vsock: "/none/v.sock", terminal: false, command: "session")
        }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.hasSuffix("nor on PATH; apt-get install openssh-client") == true)
    }
}
