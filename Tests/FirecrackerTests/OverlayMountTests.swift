import Foundation
import Linux
import Testing

@testable import Firecracker

@Suite("an overlay in mountinfo")
struct OverlayMountTests {
    @Test("Docker's overlay2: layers in order, its own placeholders apart")
    func docker() throws {
        let text = """
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            310 22 0:60 / /var/lib/docker/overlay2/aa/merged rw,relatime shared:1 - overlay overlay \
            rw,lowerdir=/l/INIT:/l/TOP:/l/BASE,upperdir=/var/lib/docker/overlay2/aa/diff,workdir=/var/lib/docker/overlay2/aa/work

            """
        let mount = try #require(OverlayMount(at: "/var/lib/docker/overlay2/aa/merged", mountinfo: text))
        #expect(mount.lower == ["/l/INIT", "/l/TOP", "/l/BASE"])
        #expect(mount.upper == "/var/lib/docker/overlay2/aa/diff")
        let resolved = OverlayMount(lower: ["/o/aa-init/diff", "/o/top/diff"], upper: nil)
        #expect(resolved.image(root: "/var/lib/docker/overlay2/aa/merged") == ["/o/top/diff"])
    }

    @Test(
        "containerd's snapshots, by short names too; of them Docker's own first, which each container has anew, is no image"
    )
    func snapshots() throws {
        let folder = try OverlayMount.realPath(FileManager.default.temporaryDirectory.path) + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let names = ["7", "6", "5"].map { "\(folder)/snapshots/\($0)/fs" }
        for name in names { try Files.ensureDirectory(name) }
        let short = OverlayMount(lower: ["6/fs", "5/fs"], upper: names[0])
        let root = "/var/lib/docker/rootfs/overlayfs/ID"
        #expect(try short.resolved(root: root) == OverlayMount(lower: [names[1], names[2]], upper: names[0]))
        let mount = try short.resolved(root: root)
        #expect(mount.image(root: root) == [names[2]])
        #expect(
            mount.image(root: "/run/containerd/io.containerd.runtime.v2.task/default/ID/rootfs") == [
                names[1], names[2],
            ])
    }

    @Test("a layer's own option each, spaces and colons in names")
    func newer() throws {
        let text = #"9 1 0:9 / /a\040b rw - overlay none ro,lowerdir+=/x\040y,lowerdir+=/z\134:w"# + "\n"
        let mount = try #require(OverlayMount(at: "/a b", mountinfo: text))
        #expect(mount.lower == ["/x y", "/z:w"])
        #expect(mount.upper == nil)
    }

    @Test("another file system, another place, a broken line: none")
    func none() {
        #expect(OverlayMount(at: "/", mountinfo: "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n") == nil)
        #expect(OverlayMount(at: "/x", mountinfo: "") == nil)
        #expect(OverlayMount(at: "/x", mountinfo: "1 2 3 / /x rw -\n1 2 3 / /x rw - overlay\n") == nil)
    }
}
