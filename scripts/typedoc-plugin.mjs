// Fails the reference's build when a public name has no comment. Three kinds are exempt, because
// they are described elsewhere: members of an inline object type (by the comment above it), members
// with a well-known symbol (by the language), and constructors (by their class).

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.on("validateProject", (project) => {
    for (const it of Object.values(project.reflections)) {
      if (!it.isDeclaration() || it.isReference() || it.parent === undefined || it.parent.isProject()) continue;
      if (it.name.startsWith("__") || it.name.startsWith("[") || it.name === "constructor") continue;
      if (it.parent.name.startsWith("__")) continue;
      if (it.flags.isInherited) continue;
      const signatures = [...(it.signatures ?? []), it.getSignature, it.type?.declaration?.signatures?.[0]];
      const described = it.hasComment() || signatures.some((signature) => signature?.hasComment());
      if (!described) app.logger.error(`${it.getFullName()} has no comment`);
    }
  });
}
