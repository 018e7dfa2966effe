import ArgumentParser
import Firecracker
import Linux
import OCI

struct RootfsBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rootfs-build",
        abstract: "Make a read-only root image (erofs) of a folder, or of a union of folders.",
        discussion: """
            The folders are an image's layers, the topmost first. The image is written under a temporary name and renamed
            when it is complete; its path is printed.

              runcvm rootfs-build --output web.erofs ./rootfs
              cd /var/lib/docker/overlay2; runcvm rootfs-build TOP/diff BASE/diff

            Without --output it goes to the shared cache in /var/lib/runcvm/images, once for the same layers. Images whose
            layers are gone are removed from there.
            """)

    @Option(help: "The image to write.")
    var output: String?

    @Argument(help: "Folders, the topmost first.")
    var layers: [String]

    func run() throws {
        let folders = try layers.map { try OverlayMount.realPath($0) }
        let environment = DocumentPipe.environment
        if let output { try RootImage(environment: environment).build(layers: folders, to: output) }
        let image = try output ?? ImageCache(environment: environment).image(of: folders)
        try DocumentPipe.writeText([UInt8]("\(image)\n".utf8))
    }
}
