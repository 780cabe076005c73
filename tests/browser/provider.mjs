// A real OpenID provider (the npm package oidc-provider) on a loopback address, for tests.
// node provider.mjs FOLDER CONFIGURATION: a folder with node_modules, and JSON with issuer, port, client and people.
import { readFileSync } from "node:fs";

const [folder, file] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(file, "utf8"));
const { default: Provider } = await import(`file://${folder}/node_modules/oidc-provider/lib/index.js`);

const provider = new Provider(settings.issuer, {
  clients: [settings.client],
  claims: { openid: ["sub", "acr", "amr", "groups", "name", "sid"] },
  cookies: { keys: ["a key of a test"] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // It would not call an address of this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...settings.people[id] }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

// The sign-in of the provider: a name is believed, and `otp` says that a second factor was used.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  if (ctx.method === "GET") {
    ctx.type = "html";
    ctx.body = `<!doctype html><title>Provider</title><form method="post"><input name="login"><input name="otp">
      <button>Enter</button></form>`;
    return undefined;
  }
  let text = "";
  for await (const piece of ctx.req) text += piece;
  const values = new URLSearchParams(text);
  const amr = values.get("otp") ? ["pwd", "otp"] : ["pwd"];
  const result = { login: { accountId: values.get("login"), amr } };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  ctx.respond = false;
  return undefined;
});

provider.listen(settings.port, "127.0.0.1", () => console.log("ready"));
