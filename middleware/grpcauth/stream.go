package grpcauth

import (
	"context"

	"google.golang.org/grpc"

	"github.com/bearerguard/bearerguard/validator"
)

// Stream is a grpc.StreamServerInterceptor. Inside, validator.FromContext of the
// stream's context returns the token. A stream ends when its token is no longer
// good, unless Config.StreamsOutliveTokens says otherwise: the context is
// cancelled, SendMsg and RecvMsg return what the client is told.
func (g *Guard) Stream(server any, inner grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	token, refused := g.admit(inner.Context(), info.FullMethod)
	switch {
	case refused != nil:
		inner.SetTrailer(refused.trailer)
		return refused
	case token == nil:
		return handler(server, inner)
	}
	if nonce := g.nonce(token); nonce != nil {
		_ = inner.SetHeader(nonce)
	}
	if g.outlive {
		return handler(server, &stream{inner, validator.NewContext(inner.Context(), token)})
	}
	s := g.bind(inner, token)
	defer s.release()
	err := handler(server, s)
	if refused := s.close(); refused != nil {
		if s.wire == nil {
			inner.SetTrailer(refused.trailer)
		}
		return refused // whatever the handler made of it
	}
	return err
}

// stream is a ServerStream with a context of ours.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *stream) Context() context.Context { return s.ctx }
