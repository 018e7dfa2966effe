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
        let first = access.make(owner: getuid()).keys
        let (keys, files) = access.make(owner: getuid())
        for file in files { try file.write() }
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

    @Test("a key's public half is the one that ssh-keygen makes of its seed, and its file is ssh-keygen's")
    func sameAsOpenSSH() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for number in 0..<20 {
            let file = folder.appending(path: "\(number)")
            _ = try run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file.path)
            let theirs = try decoded(String(contentsOf: file, encoding: .utf8))
            let words = try String(contentsOfFile: "\(file.path).pub", encoding: .utf8).split {
                $0 == " " || $0 == "\n"
            }
            let point = try #require(Data(base64Encoded: String(words[1]))).suffix(32)
            let pair = try #require(theirs.range(of: point, options: .backwards))
            let key = SSHKey(seed: Array(theirs[pair.lowerBound - 32..<pair.lowerBound]))
            #expect(key.publicKey == words.joined(separator: " "))
            let ours = try decoded(key.openSSH)
            // But for two equal random numbers.
            let check = 15 + 8 + 8 + 4 + 4 + 4 + 51 + 4
            #expect(
                ours.prefix(check) == theirs.prefix(check) && ours.dropFirst(check + 8) == theirs.dropFirst(check + 8))
        }
    }

    private func decoded(_ file: String) throws -> Data {
        try #require(Data(base64Encoded: file.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()))
    }

    @Test("public keys and digests are those of RFC 8032 and FIPS 180-4")
    func vectors() {
        func bytes(_ hex: String) -> [UInt8] {
            stride(from: 0, to: hex.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
        }
        func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
        for (seed, point) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
            ),
        ] { #expect(hex(Ed25519.publicKey(seed: bytes(seed))) == point) }
        #expect(hex(SHA512.digest([])).hasPrefix("cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"))
        // Of two blocks, since the length has no place in the first.
        let digest = SHA512.digest([UInt8](repeating: 0x61, count: 112))
        #expect(hex(digest).hasPrefix("c01d080efd492776a1c43bd23dd99d0a2e626d481e16782e75d54c2503b5dc32"))
    }
}
