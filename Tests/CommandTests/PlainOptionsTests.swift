import ArgumentParser
import Foundation
import Testing

@testable import runcvm

@Suite("plain command lines")
struct PlainOptionsTests {
    static let verbs = [
        "net-plan", "state-save", "tap-create", "bridge-alias", "nat-enable", "fc-config", "state-load", "nat-disable",
        "bridge-restore", "tap-delete", "state-delete",
    ]
    static let options = [
        "net-plan --netns /run/netns/web", "net-plan --facts report.json --id web",
        "tap-create --owner 7 --netns /proc/1/ns/net",
        "bridge-alias --netns a", "nat-enable --netns a", "nat-disable --netns a", "bridge-restore --netns a",
        "tap-delete --netns a",
        "fc-config --rootfs disk --kernel vmlinux --initrd i --memory 1G --cpus 2", "fc-config --cpus 2",
    ]

    @Test("they are the command that ArgumentParser makes of them, property by property", arguments: verbs + options)
    func same(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let plain = try #require(PlainOptions.command(words))
        #expect(dumped(plain) == dumped(try Runcvm.parseAsRoot(words)))
    }

    @Test("every verb of the hooks has them")
    func hooks() throws {
        let hooks = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../hooks")
        let text = try ["prestart", "poststop"].map {
            try String(contentsOf: hooks.appending(path: $0), encoding: .utf8)
        }
        // Also where a function or a loop names them.
        let called = Set(text.joined().split { !$0.isLetter && $0 != "-" }.map(String.init)).intersection(Runcvm.verbs)
        #expect(called == Set(Self.verbs))
    }

    @Test(
        "whatever else stands there is ArgumentParser's",
        arguments: [
            "", "runtime", "unheard-of", "net-plan extra", "net-plan --help", "net-plan -h", "net-plan --netns",
            "net-plan --netns=a",
            "net-plan --netns --id", "net-plan --netns a --netns b", "net-plan --netns a --facts b",
            "net-plan --unheard-of a",
            "net-plan --netns -", "tap-create --owner -1", "tap-create --owner x", "tap-create --owner 4294967296",
            "tap-create --dry-run",
            "tap-create --dry-run --netns a", "fc-config --rootfs a -- true", "fc-config true", "fc-config --cpus two",
            "fc-config --command a", "state-save --netns a", "net-plan -- a", "help net-plan", "net-plan --id a b",
        ])
    func others(_ line: String) {
        #expect(PlainOptions.command(line.split(separator: " ").map(String.init)) == nil)
        #expect(PlainOptions.command(["net-plan", "--id", ""]) == nil)
    }

    private func dumped(_ command: any ParsableCommand) -> String {
        var text = "\(type(of: command))\n"
        dump(command, to: &text)
        return text
    }
}
