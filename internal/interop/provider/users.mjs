// Users without a browser: client-initiated backchannel authentication (CIBA),
// in which the client names the user and the user's device answers. Here it
// consents at once to whatever is asked.
async function consent(ctx, request, account, client) {
  const { provider, resourceServers } = ctx.oidc;
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope(request.scope);
  for (const resource of Object.keys(resourceServers)) grant.addResourceScope(resource, request.scope);
  await grant.save();
  await provider.backchannelResult(request, grant);
}

export const ciba = {
  enabled: true,
  processLoginHint: (ctx, hint) => hint,
  triggerAuthenticationDevice: consent,
  validateRequestContext() {},
  verifyUserCode() {},
};

export const findAccount = (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) });
